"""Compares our cutouts with those that another service made of the same pictures."""

import base64
import heapq
import json
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.template.loader import render_to_string

from processing.engines import Engine, get_engine
from processing.engines.catalog import ENGINES
from processing.errors import ProcessingError
from processing.folders import is_picture
from processing.imageio import encode_preview, open_image
from processing.parity import (
    Comparison,
    compare,
    match_results,
    on_chequers,
    open_result,
    show_difference,
)
from processing.pipeline import Pixels, extract, make_preview
from processing.render import render
from processing.spec import ExtractSpec, RenderSpec

SIDE = 240
PICTURES = ("original", "old", "new", "difference")


@dataclass(frozen=True, slots=True)
class Row:
    """One pair; `number` names its small pictures. old_size: px of the old result."""

    number: int
    name: str
    size: tuple[int, int]
    old_size: tuple[int, int]
    comparison: Comparison

    @property
    def badness(self) -> tuple[float, int]:
        return self.comparison.difference, self.number

    def as_json(self) -> dict[str, Any]:
        """Shares of full scale as percent."""
        found = asdict(self.comparison)
        for name in ("difference", "off", "offset"):
            found[name] = None if found[name] is None else 100 * found[name]
        return {"name": self.name, "size": self.size, "old_size": self.old_size} | found


class Command(BaseCommand):
    help = (
        "Cuts out the pictures in DIR/originals, compares them with the results of another service "
        "in DIR/results (same names; PNG, WebP, or ZIP with color.jpg and alpha.png), and writes "
        "DIR/parity.html, worst first, and DIR/parity.json."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR")
        parser.add_argument("--engine", default=settings.DEFAULT_ENGINE, choices=list(ENGINES))
        parser.add_argument(
            "--max-difference",
            type=float,
            metavar="PERCENT",
            help="fail when the mean difference of all pictures is larger",
        )
        parser.add_argument(
            "--shown",
            type=int,
            default=200,
            help="so many of the worst are shown with pictures (default: 200)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["folder"]
        pairs, unmatched = match_results(_files(folder / "originals"), _files(folder / "results"))
        self.engine = self._load(options["engine"])
        self.failures: list[dict[str, str]] = []
        with tempfile.TemporaryDirectory() as small:
            rows = list(self._rows(pairs, Path(small)))
            report = self._report(options["engine"], rows, unmatched)
            self._write(folder, report, rows, Path(small), shown=max(0, options["shown"]))
        self._judge(report["mean_difference"], options["max_difference"])

    def _load(self, name: str) -> Engine:
        try:
            return get_engine(name, model_dir=settings.MODEL_DIR, threads=settings.CPU_COUNT)
        except ProcessingError as error:
            raise CommandError(error.message) from error

    def _rows(self, pairs: list[tuple[Path, Path]], small: Path) -> Iterator[Row]:
        for number, (original, result) in enumerate(pairs, start=1):
            try:
                row = self._compare(number, original, result, small)
            except (ProcessingError, OSError) as error:
                why = error.message if isinstance(error, ProcessingError) else str(error)
                self.failures.append({"name": original.name, "result": result.name, "why": why})
                self.stderr.write(f"{number}/{len(pairs)} {original.name}: {why}")
            else:
                percent = 100 * row.comparison.difference
                self.stdout.write(f"{number}/{len(pairs)} {original.name}: {percent:.2f} %")
                yield row

    def _compare(self, number: int, original: Path, result: Path, small: Path) -> Row:
        with result.open("rb") as file:
            old = open_result(file, max_pixels=settings.MAX_PIXELS)
        with original.open("rb") as file:
            picture = open_image(cast("BinaryIO", file), max_pixels=settings.MAX_PIXELS)
        preview = make_preview(picture)
        spec = ExtractSpec(self.engine.info.name)
        extraction = extract(preview, self.engine, spec, full_size=picture.size)
        alpha = render(picture, extraction.matte, RenderSpec(channels="alpha"))
        comparison, framed = compare(old, picture, alpha)
        new = render(picture, extraction.matte, RenderSpec(max_side=SIDE), edges=extraction.edges)
        shown = {
            "original": preview,
            "old": on_chequers(_small(old)),
            "new": on_chequers(new.convert("RGBA")),
            "difference": show_difference(_small(old.getchannel("A")), _small(framed)),
        }
        for name, image in shown.items():
            (small / f"{number}-{name}").write_bytes(encode_preview(_small(image)))
        return Row(number, original.name, picture.size, old.size, comparison)

    def _report(self, engine: str, rows: list[Row], unmatched: list[Path]) -> dict[str, Any]:
        ordered = sorted(rows, key=lambda row: row.badness, reverse=True)
        differences = [row.comparison.difference for row in ordered]
        mean = 100 * sum(differences) / len(differences) if differences else None
        return {
            "engine": engine,
            "compared": len(rows),
            "mean_difference": mean,
            "median_difference": 100 * differences[len(rows) // 2] if rows else None,
            "mean_overlap": _mean([row.comparison.overlap for row in rows]),
            "cropped": sum(row.comparison.framing == "cropped" for row in rows),
            "pictures": [row.as_json() for row in ordered],
            "not_compared": self.failures,
            "unmatched": [f"{path.parent.name}/{path.name}" for path in unmatched],
        }

    def _write(
        self, folder: Path, report: dict[str, Any], rows: list[Row], small: Path, *, shown: int
    ) -> None:
        worst = heapq.nlargest(shown, rows, key=lambda row: row.badness)
        context = {
            "report": report,
            "shown": [
                {**row.as_json(), "pictures": [_data_uri(small, row, name) for name in PICTURES]}
                for row in worst
            ],
            "rest": report["pictures"][len(worst) :],
        }
        page = render_to_string("parity/report.html", context)
        (folder / "parity.html").write_text(page, encoding="utf-8")
        text = json.dumps(report, indent=2, ensure_ascii=False)
        (folder / "parity.json").write_text(text + "\n", encoding="utf-8")
        self.stdout.write(f"The report: {folder / 'parity.html'}")

    def _judge(self, mean: float | None, limit: float | None) -> None:
        if mean is None:
            raise CommandError("Nothing could be compared.")
        self.stdout.write(f"Mean difference: {mean:.2f} %")
        if limit is not None and mean > limit:
            raise CommandError(f"That is more than {limit:g} %.")


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise CommandError(f"There is no folder {folder}.")
    return [path for path in folder.iterdir() if _may_be_compared(path)]


def _may_be_compared(path: Path) -> bool:
    return path.is_file() and (is_picture(path) or path.suffix.lower() == ".zip")


def _small(image: Pixels) -> Pixels:
    copy = image.copy()
    copy.thumbnail((SIDE, SIDE))
    return copy


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _data_uri(small: Path, row: Row, name: str) -> dict[str, str]:
    text = base64.b64encode((small / f"{row.number}-{name}").read_bytes()).decode()
    return {"name": name, "source": f"data:image/webp;base64,{text}"}
