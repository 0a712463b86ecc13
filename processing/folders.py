"""Pictures in files and folders to cutouts in files, without rows or requests."""

import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .engines import Engine
from .imageio import encode, open_image
from .pipeline import extract, make_preview
from .render import render
from .sniff import HEAD_BYTES, sniff
from .spec import ExtractSpec, RenderSpec


@dataclass(frozen=True, slots=True)
class Job:
    source: Path
    target: Path

    @property
    def is_done(self) -> bool:
        """Whether there is a result that is not older than the picture."""
        try:
            return self.target.stat().st_mtime >= self.source.stat().st_mtime
        except FileNotFoundError:
            return False


def cut_out_file(
    job: Job, *, engine: Engine, spec: RenderSpec, max_pixels: int | None = None
) -> None:
    """Cut one picture out. The result appears complete or not at all, and replaces what was there.

    Raises ProcessingError if the picture is the problem, OSError if a file is.
    """
    with job.source.open("rb") as file:
        picture = open_image(file, max_pixels=max_pixels)
    extraction = extract(
        make_preview(picture), engine, ExtractSpec(engine.info.name), full_size=picture.size
    )
    result = render(picture, extraction.matte, spec, edges=extraction.edges)
    del picture
    _write(job.target, encode(result, spec))


def _write(target: Path, data: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        draft.write_bytes(data)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def jobs_for_folder(source: Path, target: Path, *, extension: str) -> Iterator[Job]:
    """One job for each picture below `source`, in the same folders below `target`.

    Pictures are told by their content. Hidden files and `target` itself are left out. Two that
    differ only in their endings keep them: cat.jpg and cat.png become cat.jpg.png and cat.png.png.
    """
    for folder, folders, names in os.walk(source):
        here = Path(folder)
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and not _is_same(here / name, target)
        )
        pictures = [here / name for name in sorted(names) if is_picture(here / name)]
        stems = [path.stem.casefold() for path in pictures]
        for path, stem in zip(pictures, stems, strict=True):
            name = path.stem if stems.count(stem) == 1 else path.name
            yield Job(path, target / here.relative_to(source) / f"{name}.{extension}")


def is_picture(path: Path) -> bool:
    """By its first bytes; hidden files and what cannot be read are none."""
    if path.name.startswith("."):
        return False
    try:
        with path.open("rb") as file:
            return sniff(file.read(HEAD_BYTES)).format is not None
    except OSError:
        return False


def _is_same(path: Path, other: Path) -> bool:
    return path.resolve() == other.resolve()
