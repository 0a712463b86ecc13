"""Finished cutouts as files in EXPORT_DIR."""

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.management import call_command
from PIL import Image as Pixels
from pytest_django import Settings

from accounts.models import User
from images.checks import check_export
from images.models import Cutout, Image
from images.services.edits import submit_matte
from images.services.export import export_cutout, export_next_due
from images.tasks import run_next_cutout
from tests.factories import UserFactory, submit

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Path:
    settings.EXPORT_DIR = tmp_path / "export"
    return tmp_path / "export"


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def finish(owner: User, name: str = "disc.png", **options: Any) -> Cutout:
    image = submit(owner, name, **options)
    run_next_cutout()
    return image.cutouts.get()


def test_nothing_without_the_setting(owner: User, tmp_path: Path) -> None:
    cutout = finish(owner)
    assert not cutout.export_due
    assert export_next_due() == 0


def test_by_person_and_day_under_its_own_name(owner: User, folder: Path) -> None:
    cutout = finish(owner, "My dog.JPG")
    assert cutout.finished_at is not None
    assert files(folder) == [f"owner@example.com/{cutout.finished_at:%Y-%m-%d}/My dog.png"]
    assert not cutout.export_due
    picture = Pixels.open(folder / files(folder)[0])
    assert (picture.mode, picture.size) == ("RGBA", (120, 90))


def test_same_names_do_not_meet(owner: User, folder: Path) -> None:
    finish(owner, "a.png")
    finish(owner, "a.png", size=(90, 90))
    finish(owner, "a.jpg", size=(80, 90))
    assert [Path(name).name for name in files(folder)] == ["a (2).png", "a (3).png", "a.png"]


def test_twice_leaves_one_file(owner: User, folder: Path) -> None:
    """As after a crash between writing the file and noting it."""
    cutout = finish(owner)
    Cutout.objects.update(export_due=True)
    assert export_next_due() == 1
    assert len(files(folder)) == 1
    cutout.refresh_from_db()
    assert export_cutout(cutout=cutout) is None


def test_waits_for_a_folder_that_cannot_be_written(
    owner: User, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder.write_text("a file where the folder should be")
    cutout = finish(owner)
    assert cutout.status == "done"
    assert cutout.export_due
    assert "not exported yet" in caplog.text
    folder.unlink()
    call_command("sweep", "--once")
    assert len(files(folder)) == 1


def test_one_folder_holds_up_nobody_else(owner: User, stranger: User, folder: Path) -> None:
    folder.mkdir()
    (folder / owner.email).write_text("a file where the folder should be")
    finish(owner)
    other = finish(stranger)
    assert not other.export_due
    Cutout.objects.update(export_due=True)
    assert export_next_due() == 1


def test_a_lost_original_does_not_block_the_others(owner: User, folder: Path) -> None:
    cutout = finish(owner)
    Path(cutout.image.original.path).unlink()
    Cutout.objects.update(export_due=True)
    other = finish(owner, "other.png", size=(60, 60))
    assert not other.export_due
    assert export_next_due() == 0
    assert not Cutout.objects.filter(export_due=True).exists()


@pytest.mark.parametrize(
    "name", ["../../evil.png", "/etc/passwd.png", "a/b.png", "..", ".hidden.png", "nul.png"]
)
def test_names_stay_inside(name: str, owner: User, folder: Path, settings: Settings) -> None:
    image = submit(owner)
    Image.objects.filter(pk=image.pk).update(original_name=name, title=name)
    run_next_cutout()
    (only,) = files(folder)
    assert only.count("/") == 2
    assert not Path(only).name.startswith(".")
    assert files(folder.parent / "export") == files(folder)


def test_odd_addresses_are_folders_too(folder: Path) -> None:
    finish(UserFactory.create(email="a/../b|c@example.com"))
    finish(UserFactory.create(email="a_.._b_c@example.com"), size=(80, 60))
    first, second = files(folder)
    assert first.startswith("a_.._b_c@example.com ")
    assert second.startswith("a_.._b_c@example.com/")


def test_parameters(owner: User, folder: Path, settings: Settings) -> None:
    settings.EXPORT_PARAMETERS = "format=jpeg&width=60"
    finish(owner)
    with Pixels.open(folder / files(folder)[0]) as picture:
        assert (picture.format, picture.size) == ("JPEG", (60, 45))


def test_wrong_parameters_are_found_at_the_start(folder: Path, settings: Settings) -> None:
    assert check_export() == []
    settings.EXPORT_PARAMETERS = "format=gif"
    assert [message.id for message in check_export()] == ["images.E010"]


def test_other_groups_may_read_but_not_everybody(owner: User, folder: Path) -> None:
    finish(owner)
    mode = (folder / files(folder)[0]).stat().st_mode & 0o777
    assert mode == 0o640


def test_a_foreign_file_is_never_overwritten(owner: User, folder: Path) -> None:
    cutout = finish(owner)
    (only,) = files(folder)
    (folder / only).write_bytes(ContentFile(b"mine").read())
    Cutout.objects.filter(pk=cutout.pk).update(export_due=True)
    export_next_due()
    assert (folder / only).read_bytes() == b"mine"
    assert len(files(folder)) == 2


def test_an_edited_one_is_a_file_of_its_own(folder: Path, owner: User) -> None:
    cutout = finish(owner)
    matte = Pixels.new("L", (cutout.image.width, cutout.image.height))
    matte.paste(255, (10, 10, 40, 40))
    buffer = BytesIO()
    matte.save(buffer, "PNG")
    submit_matte(cutout=cutout, file=ContentFile(buffer.getvalue(), name="matte.png"))
    run_next_cutout()
    first, second = sorted(folder.rglob("*.png"), key=lambda path: path.name)
    assert (first.name, second.name) == ("disc (2).png", "disc.png")
    assert Pixels.open(first).getchannel("A").tobytes() == matte.tobytes()
