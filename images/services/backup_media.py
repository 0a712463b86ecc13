"""The pictures of a backup: copied once, linked from one backup to the next."""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from django.core.files.storage import FileSystemStorage, default_storage

# What a restore keeps of the pictures that were there before; hidden names are drafts of its own.
ASIDE_PREFIX = "replaced-"


@dataclass(slots=True)
class Copied:
    """`new` of the `files` were copied; the others are shared with the backup before."""

    files: int = 0
    bytes: int = 0
    new: int = 0


def media_folder() -> Path | None:
    """Where the pictures lie; None where object storage keeps them."""
    if isinstance(default_storage, FileSystemStorage):
        return Path(default_storage.location)
    return None


def copy_media(*, source: Path, target: Path, previous: Path | None = None) -> Copied:
    """Copy the pictures, or link those that `previous` has already.

    Stored files are never rewritten, so one of the same name, size and time is the same. What is
    deleted meanwhile is left out.
    """
    copied = Copied()
    target.mkdir(mode=0o700)
    for path, folders in _walk(source):
        relative = path.relative_to(source)
        for name in folders:
            (target / relative / name).mkdir()
        for file in _files_in(path):
            with suppress(FileNotFoundError):
                _take(file, target / relative, previous / relative if previous else None, copied)
    return copied


def measure(folder: Path) -> Copied:
    found = Copied()
    for path, _folders in _walk(folder):
        for file in _files_in(path):
            found.files += 1
            found.bytes += file.stat().st_size
    return found


def entries(folder: Path) -> list[Path]:
    """What belongs to the application in a media folder, at its top."""
    return [path for path in folder.iterdir() if not _is_ours(path.name)] if folder.exists() else []


def _is_ours(name: str) -> bool:
    return name.startswith((".", ASIDE_PREFIX))


def _walk(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    for path, folders, _names in os.walk(folder):
        if Path(path) == folder:
            folders[:] = [name for name in folders if not _is_ours(name)]
        yield Path(path), folders


def _files_in(folder: Path) -> list[os.DirEntry[str]]:
    with suppress(FileNotFoundError), os.scandir(folder) as found:
        return [entry for entry in found if entry.is_file() and entry.name != ".gitkeep"]
    return []


def _take(file: os.DirEntry[str], target: Path, previous: Path | None, copied: Copied) -> None:
    status = file.stat()
    if not (previous and _link(previous / file.name, target / file.name, status)):
        shutil.copy2(file.path, target / file.name)
        copied.new += 1
    copied.files += 1
    copied.bytes += (target / file.name).stat().st_size


def _link(old: Path, new: Path, wanted: os.stat_result) -> bool:
    """Whether `old` is that file, and the disk can share it."""
    try:
        status = old.stat()
        if (status.st_size, status.st_mtime_ns) != (wanted.st_size, wanted.st_mtime_ns):
            return False
        os.link(old, new)
    except OSError:
        return False
    return True
