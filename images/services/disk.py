"""How much room the files take, measured by the sweep a little at a time.

Rows do not know the sizes of mattes and previews, and asking the disk about every file takes too
long for a page.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.core.cache import cache
from django.core.files.storage import FileSystemStorage, default_storage
from django.utils import timezone

CACHE_KEY = "disk-usage"
SECONDS_PER_SWEEP = 0.5
# After a round it rests for so many times as long as that took: 3 % of one processor at most.
REST = 30
MEASURED = ("cutouts", "previews", "renditions", "originals")


@dataclass(frozen=True, slots=True)
class DiskUsage:
    """Bytes by kind of file, as they were found until `measured_at`."""

    measured_at: datetime
    bytes: dict[str, int]


class DiskMeasure:
    """Walks over all files, in as many steps as it takes."""

    def __init__(self) -> None:
        self._folders: Iterator[tuple[str, Path]] | None = None
        self._found: dict[str, int] = {}
        self._spent = 0.0
        self._rest_until = 0.0

    def go_on(self) -> int:
        """Measure for half a second. Returns 1 when that completed a round, else 0.

        Only files on a local disk are measured.
        """
        if self._folders is None and not self._begin():
            return 0
        assert self._folders is not None
        began = time.monotonic()
        for kind, folder in self._folders:
            self._found[kind] += _size_of(folder)
            if time.monotonic() - began > SECONDS_PER_SWEEP:
                self._spent += time.monotonic() - began
                return 0
        self._folders = None
        self._spent += time.monotonic() - began
        self._rest_until = time.monotonic() + REST * self._spent
        cache.set(CACHE_KEY, asdict(DiskUsage(timezone.now(), self._found)), timeout=None)
        return 1

    def _begin(self) -> bool:
        resting = time.monotonic() < self._rest_until
        if resting or not isinstance(default_storage, FileSystemStorage):
            return False
        self._spent = 0.0
        self._folders = _folders(Path(settings.MEDIA_ROOT))
        self._found = dict.fromkeys(MEASURED, 0)
        return True


measure_disk = DiskMeasure().go_on


def disk_usage() -> DiskUsage | None:
    """What the last complete round found; None before the first, or with object storage."""
    found = cache.get(CACHE_KEY)
    return DiskUsage(**found) if found else None


def _folders(root: Path) -> Iterator[tuple[str, Path]]:
    """The folders of rows, two levels down; see images.models.image.folder_of."""
    for kind in MEASURED:
        for shard in _entries(root / kind):
            for folder in _entries(shard):
                yield kind, folder


def _entries(folder: Path) -> list[Path]:
    try:
        return [Path(entry) for entry in os.scandir(folder)]
    except OSError:  # deleted meanwhile, or never made
        return []


def _size_of(folder: Path) -> int:
    try:
        with os.scandir(folder) as entries:
            return sum(entry.stat().st_size for entry in entries)
    except OSError:
        return 0
