"""How much room the files take: measured in steps, from what lies on the disk."""

from pathlib import Path

import pytest
from pytest_django import Settings

from images.models import Image
from images.services import disk
from images.services.disk import DiskMeasure, disk_usage

pytestmark = pytest.mark.django_db


def lying_in(folder: str, settings: Settings) -> int:
    paths = Path(settings.MEDIA_ROOT, folder).rglob("*")
    return sum(path.stat().st_size for path in paths if path.is_file())


def test_what_files_take(image: Image, settings: Settings) -> None:
    assert disk_usage() is None
    assert DiskMeasure().go_on() == 1
    found = disk_usage()
    assert found
    assert found.bytes == {kind: lying_in(kind, settings) for kind in disk.MEASURED}
    assert found.bytes["originals"] == image.byte_size
    assert found.bytes["cutouts"] > 0


def test_in_steps(image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "SECONDS_PER_SWEEP", -1.0)
    measure = DiskMeasure()
    steps = 0
    while not measure.go_on():
        assert disk_usage() is None
        steps += 1
        assert steps < 20
    assert steps == 4  # an original, a cutout, a preview, a rendition
    found = disk_usage()
    assert found
    assert found.bytes["originals"] == image.byte_size


def test_not_all_the_time(image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "REST", 10**9)
    measure = DiskMeasure()
    assert [measure.go_on() for _ in range(3)] == [1, 0, 0]
    monkeypatch.setattr(disk, "REST", 0)
    measure = DiskMeasure()
    assert [measure.go_on() for _ in range(3)] == [1, 1, 1]


def test_nothing_there() -> None:
    assert DiskMeasure().go_on() == 1
    found = disk_usage()
    assert found
    assert sum(found.bytes.values()) == 0
