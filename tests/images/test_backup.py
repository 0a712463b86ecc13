"""Backups and the way back, with both databases."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import DjangoDbBlocker, Settings

from accounts.models import User
from images.models import Image
from images.services import backup_database
from images.services.backup import list_backups, make_backup, prune
from images.services.backup_manifest import FILE_NAME, BackupRefused
from images.services.backup_restore import restore_backup
from images.services.trash import purge
from images.tasks import run_next_cutout
from tests.databases import SharedDatabase, connected_to
from tests.factories import UserFactory, submit
from tests.images.conftest import sqlite_settings
from tests.servers import PASSWORD, Postgres

OLD_DATA = Path(__file__).parents[1] / "system" / "data" / "v0.1.0.zip"
# Two rows in one transaction, again and again: a copy that is not of one moment has one of them.
WRITER = """
from django.db import transaction
from accounts.models import User
print("ready", flush=True)
number = 0
while True:
    with transaction.atomic():
        User.objects.create_user(f"left{number}.{os.getpid()}@example.com")
        User.objects.create_user(f"right{number}.{os.getpid()}@example.com")
    number += 1
"""


@dataclass
class Place:
    """An installation: folders and a database of its own."""

    settings: Settings
    folder: Path
    database: dict[str, Any]
    url: str

    @contextmanager
    def used(self) -> Iterator[None]:
        self.settings.DATA_DIR = self.folder / "data"
        self.settings.MEDIA_ROOT = self.folder / "media"
        for folder in (self.settings.DATA_DIR, self.settings.MEDIA_ROOT):
            folder.mkdir(parents=True, exist_ok=True)
        with connected_to(self.database):
            yield


# The one called "first" has its tables already; the others are as empty as a database can be.
MakePlace = Callable[[str], Place]


@pytest.fixture
def make_sqlite(tmp_path: Path, settings: Settings, migrated_file: Path) -> MakePlace:
    def make(name: str) -> Place:
        path = tmp_path / name / "data" / "db.sqlite3"
        path.parent.mkdir(parents=True)
        if name == "first":
            shutil.copy(migrated_file, path)
        return Place(settings, tmp_path / name, sqlite_settings(path), f"sqlite:///{path}")

    return make


@pytest.fixture
def make_postgres(tmp_path: Path, settings: Settings, request: pytest.FixtureRequest) -> MakePlace:
    def make(name: str) -> Place:
        postgres: Postgres = request.getfixturevalue("postgres")
        template = request.getfixturevalue("migrated_postgres") if name == "first" else "template1"
        database = f"{name}_{uuid.uuid4().hex[:8]}"
        postgres.make_database(database, template)
        return Place(
            settings, tmp_path / name, postgres.settings_of(database), postgres.url_of(database)
        )

    return make


@pytest.fixture(params=["sqlite", "postgresql"])
def make_place(
    request: pytest.FixtureRequest, django_db_blocker: DjangoDbBlocker
) -> Iterator[MakePlace]:
    kind = "make_sqlite" if request.param == "sqlite" else "make_postgres"
    with django_db_blocker.unblock():
        yield request.getfixturevalue(kind)


@pytest.fixture
def place(make_place: MakePlace) -> Iterator[Place]:
    """An installation with a person and two pictures, one of them cut out."""
    place = make_place("first")
    with place.used():
        person: User = UserFactory.create(email="person@example.com")
        submit(person)
        run_next_cutout()
        submit(person)
        (place.settings.DATA_DIR / "secret_key").write_text("the key")
        yield place


def media_files(folder: Path) -> dict[str, int]:
    """Inode by name."""
    return {
        str(path.relative_to(folder)): path.stat().st_ino
        for path in folder.rglob("*")
        if path.is_file()
    }


def contents() -> dict[str, Any]:
    images = Image.objects.order_by("created_at")
    assert {image.original.size for image in images} == {image.byte_size for image in images}
    states = [str(image.latest_cutout.status) for image in images if image.latest_cutout]
    return {"people": list(User.objects.values_list("email", flat=True)), "states": states}


def test_there_and_back(place: Place, make_place: MakePlace, tmp_path: Path) -> None:
    before = contents()
    backup = make_backup(folder=tmp_path / "backups")
    assert backup.manifest.rows == {"accounts_user": 1, "images_image": 2, "images_cutout": 2}
    assert backup.manifest.version == django_settings.VERSION
    second = make_place("second")
    with second.used():
        restored = restore_backup(folder=tmp_path / "backups")
        assert restored.aside == []
        assert contents() == before
        assert (second.settings.DATA_DIR / "secret_key").read_text() == "the key"
        run_next_cutout()
        assert contents()["states"] == ["done", "done"], "work that waited goes on"


def test_a_backup_holds_nothing_but_files_of_its_own(place: Place, tmp_path: Path) -> None:
    path = make_backup(folder=tmp_path / "backups").path
    names = {entry.name for entry in path.iterdir()}
    database = backup_database.find_database().file_name
    assert names == {FILE_NAME, database, "media", "secret_key"}
    assert list_backups(tmp_path / "backups") == [path]
    assert {p.name for p in (tmp_path / "backups").iterdir()} == {path.name, ".lock"}


def test_what_has_not_changed_is_shared_with_the_backup_before(
    place: Place, tmp_path: Path
) -> None:
    first = make_older(make_backup(folder=tmp_path / "backups").path)
    submit(User.objects.get())
    backup = make_backup(folder=tmp_path / "backups")
    old, new = media_files(first / "media"), media_files(backup.path / "media")
    added = set(new) - set(old)
    assert len(added) == 1
    assert {name: new[name] for name in old} == old
    assert backup.copied is not None
    assert backup.copied.new == 1
    assert new[added.pop()] not in media_files(place.settings.MEDIA_ROOT).values()


def make_older(backup: Path) -> Path:
    """As if it had been made yesterday: names go by the second."""
    return backup.rename(backup.with_name("clearcut-2026-01-01T000000Z"))


def test_the_newest_are_kept(place: Place, tmp_path: Path) -> None:
    for number in range(4):
        backup = make_backup(folder=tmp_path / "backups").path
        backup.rename(backup.with_name(f"clearcut-2026-01-0{number + 1}T000000Z"))
    last = make_backup(folder=tmp_path / "backups", keep=2).path
    kept = list_backups(tmp_path / "backups")
    assert [path.name for path in kept] == ["clearcut-2026-01-04T000000Z", last.name]
    with pytest.raises(ValueError, match="at least 1"):
        prune(tmp_path / "backups", keep=0)
    restore_backup(folder=last, force=True)
    contents()


def test_a_backup_that_fails_leaves_nothing(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sync", lambda: (_ for _ in ()).throw(OSError("no room")))
    with pytest.raises(OSError, match="no room"):
        make_backup(folder=tmp_path / "backups", keep=1)
    assert [path.name for path in (tmp_path / "backups").iterdir()] == [".lock"]


def test_no_backup_among_the_pictures(place: Place) -> None:
    with pytest.raises(BackupRefused, match="part of itself"):
        make_backup(folder=place.settings.MEDIA_ROOT / "backups")
    assert not (place.settings.MEDIA_ROOT / "backups").exists()


def test_drafts_of_killed_backups_go(place: Place, tmp_path: Path) -> None:
    draft = tmp_path / "backups" / ".unfinished-clearcut-2026-01-01T000000Z"
    (draft / "media").mkdir(parents=True)
    make_backup(folder=tmp_path / "backups")
    assert not draft.exists()


def test_a_copy_of_one_moment_while_others_write(
    place: Place, make_place: MakePlace, tmp_path: Path
) -> None:
    writers = [SharedDatabase(place.url).start(WRITER) for _ in range(2)]
    try:
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
        backups = []
        for number in range(5):
            backup = make_backup(folder=tmp_path / f"backups{number}")
            assert all(writer.poll() is None for writer in writers), "writing goes on"
            backups.append(backup)
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
    counts = [backup.manifest.rows["accounts_user"] for backup in backups]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1], "people came meanwhile"
    assert all(count % 2 for count in counts), "one person, and pairs"
    with make_place("second").used():
        restore_backup(folder=backups[-1].path)
        assert User.objects.count() == counts[-1]


def test_pictures_deleted_while_it_is_made_do_no_harm(place: Place, tmp_path: Path) -> None:
    purge(images=Image.objects.all())
    backup = make_backup(folder=tmp_path / "backups")
    assert backup.manifest.files == 0
    assert restore_backup(folder=backup.path, force=True).manifest.rows["images_image"] == 0


def test_refuses_where_somebody_is(place: Place, tmp_path: Path) -> None:
    backup = make_backup(folder=tmp_path / "backups").path
    before = contents()
    with pytest.raises(BackupRefused, match="people or pictures here already"):
        restore_backup(folder=backup)
    assert contents() == before


def test_force_keeps_what_was_there(
    place: Place, make_place: MakePlace, tmp_path: Path, settings: Settings
) -> None:
    backup = make_backup(folder=tmp_path / "backups").path
    submit(UserFactory.create(email="late@example.com"))
    (settings.DATA_DIR / "secret_key").write_text("another key")
    restored = restore_backup(folder=backup, force=True)
    assert contents()["people"] == ["person@example.com"]
    assert (settings.DATA_DIR / "secret_key").read_text() == "the key"
    data, media = restored.aside
    assert data.parent == settings.DATA_DIR
    assert (data / "secret_key").read_text() == "another key"
    assert (data / backup_database.find_database().file_name).stat().st_size > 1000
    assert len(list(media.rglob("original.*"))) == 3
    assert len(list((settings.MEDIA_ROOT / "originals").rglob("original.*"))) == 2
    again = make_backup(folder=tmp_path / "again")
    assert again.manifest.files == len(media_files(backup / "media")), "without what lies aside"


def spoil_database(backup: Path) -> None:
    (dump,) = backup.glob("database.*")
    content = bytearray(dump.read_bytes())
    content[len(content) // 2] ^= 0xFF
    dump.write_bytes(content)


def lose_a_picture(backup: Path) -> None:
    next((backup / "media").rglob("original.*")).unlink()


def cut_a_picture_short(backup: Path) -> None:
    path = next((backup / "media").rglob("original.*"))
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[:-1])


def lose_the_manifest(backup: Path) -> None:
    (backup / FILE_NAME).unlink()


def come_from_the_future(backup: Path) -> None:
    manifest = json.loads((backup / FILE_NAME).read_text())
    manifest["migrations"].append(["images", "9999_not_yet"])
    (backup / FILE_NAME).write_text(json.dumps(manifest))


SPOILERS = {
    "its checksum differs": spoil_database,
    "missing or damaged: 5 files": lose_a_picture,
    "missing or damaged: 6 files": cut_a_picture_short,
    "is no backup": lose_the_manifest,
    "made by a newer version": come_from_the_future,
}


@pytest.mark.parametrize("words", SPOILERS)
def test_what_is_not_whole_is_refused_before_anything_is_touched(
    place: Place, tmp_path: Path, words: str
) -> None:
    backup = make_backup(folder=tmp_path / "backups").path
    assert len(media_files(backup / "media")) == 6
    SPOILERS[words](backup)
    before, files = contents(), media_files(place.folder)
    with pytest.raises(BackupRefused, match=words):
        restore_backup(folder=backup, force=True)
    assert contents() == before
    assert set(media_files(place.folder)) - {"data/run.lock"} == set(files) - {"data/run.lock"}


def test_a_failure_on_the_way_puts_everything_back(place: Place, tmp_path: Path) -> None:
    """The dump is sound, and yet not what the manifest says."""
    backup = make_backup(folder=tmp_path / "backups").path
    manifest = json.loads((backup / FILE_NAME).read_text())
    manifest["rows"]["images_image"] = 17
    (backup / FILE_NAME).write_text(json.dumps(manifest))
    submit(UserFactory.create(email="late@example.com"))
    before, key = contents(), place.settings.DATA_DIR / "secret_key"
    with pytest.raises(BackupRefused, match="not what the backup says"):
        restore_backup(folder=backup, force=True)
    assert contents() == before
    assert key.read_text() == "the key"
    assert not [path for path in place.folder.rglob("*") if "replaced-" in path.name]
    assert not [path for path in place.folder.rglob("*") if "restoring" in path.name]


def test_refuses_while_the_application_runs(place: Place, tmp_path: Path) -> None:
    backup = make_backup(folder=tmp_path / "backups").path
    hold = (
        "import fcntl, sys\n"
        "file = open(sys.argv[1], 'a'); fcntl.flock(file, fcntl.LOCK_EX)\n"
        "print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", hold, str(place.settings.DATA_DIR / "run.lock")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(BackupRefused, match="Stop it first"):
            restore_backup(folder=backup, force=True)
        holder.communicate()


def test_the_other_database_is_refused(
    place: Place, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    backup = make_backup(folder=tmp_path / "backups").path
    other = "make_postgres" if connection.vendor == "sqlite" else "make_sqlite"
    make_other: MakePlace = request.getfixturevalue(other)
    with make_other("other").used(), pytest.raises(BackupRefused, match="DATABASE_URL names"):
        restore_backup(folder=backup)


def test_commands(place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    backups = str(tmp_path / "backups")
    call_command("backup", backups, keep=3)
    assert "1 people, 2 pictures, 6 files" in capsys.readouterr().out
    with pytest.raises(CommandError, match="--keep must be at least 1"):
        call_command("backup", backups, keep=0)
    with pytest.raises(CommandError, match="Nothing was restored"):
        call_command("restore", backups)
    call_command("restore", backups, force=True)
    words = capsys.readouterr().out
    assert "1 people, 2 pictures" in words
    assert words.count("What was there before is in") == 2


@pytest.fixture
def sqlite_place(make_sqlite: MakePlace, django_db_blocker: DjangoDbBlocker) -> Iterator[MakePlace]:
    with django_db_blocker.unblock():
        yield make_sqlite


def test_a_backup_of_an_older_version_is_brought_up_to_date(
    sqlite_place: MakePlace, tmp_path: Path
) -> None:
    old, new = sqlite_place("old"), sqlite_place("new")
    with zipfile.ZipFile(OLD_DATA) as archive:
        archive.extractall(old.folder)
    known = json.loads((old.folder / "known.json").read_text())
    with old.used():
        backup = make_backup(folder=tmp_path / "backups")
    assert ("images", "0002_front_door") not in backup.manifest.migrations
    with new.used():
        restore_backup(folder=backup.path)
        assert {str(pk) for pk in Image.objects.values_list("pk", flat=True)} >= set(known["kept"])
        assert User.objects.filter(email=known["email"]).exists()


def test_a_damaged_database_can_be_replaced(sqlite_place: MakePlace, tmp_path: Path) -> None:
    place = sqlite_place("first")
    with place.used():
        UserFactory.create(email="person@example.com")
        backup = make_backup(folder=tmp_path / "backups").path
        connection.close()
        Path(place.database["NAME"]).write_bytes(b"no database at all" * 500)
        with pytest.raises(BackupRefused, match="people or pictures"):
            restore_backup(folder=backup)
        (aside,) = restore_backup(folder=backup, force=True).aside
        assert (aside / "database.sqlite3").read_bytes().startswith(b"no database")
        assert User.objects.count() == 1


def test_a_sqlite_backup_is_one_file(sqlite_place: MakePlace, tmp_path: Path) -> None:
    """Readable by anything, without a journal beside it."""
    with sqlite_place("first").used():
        UserFactory.create()
        path = make_backup(folder=tmp_path / "backups").path
    moved = tmp_path / "elsewhere.sqlite3"
    shutil.copyfile(path / "database.sqlite3", moved)
    with closing(sqlite3.connect(f"{moved.as_uri()}?mode=ro", uri=True)) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert database.execute("SELECT count(*) FROM accounts_user").fetchone() == (1,)


@pytest.fixture
def postgres_place(
    make_postgres: MakePlace, django_db_blocker: DjangoDbBlocker
) -> Iterator[MakePlace]:
    with django_db_blocker.unblock():
        yield make_postgres


RECORDING = """#!/bin/sh
printf '%s\\n' "$@" >> {log}
exec {program} "$@"
"""


def test_the_password_is_no_argument(
    postgres_place: MakePlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arguments can be read by everybody on the machine."""
    log, programs = tmp_path / "arguments", tmp_path / "programs"
    with postgres_place("first").used():
        version = connection.pg_version // 10000  # type: ignore[attr-defined]
        for name in ("pg_dump", "pg_restore"):
            script = programs / str(version) / "bin" / name
            script.parent.mkdir(parents=True, exist_ok=True)
            script.write_text(RECORDING.format(log=log, program=backup_database.find_program(name)))
            script.chmod(0o755)
        monkeypatch.setattr(backup_database, "INSTALLED", programs)
        make_backup(folder=tmp_path / "backups")
        restore_backup(folder=tmp_path / "backups")
    words = log.read_text()
    assert "--format=custom" in words
    assert "--single-transaction" in words
    assert PASSWORD not in words


def test_others_must_leave_the_database(postgres_place: MakePlace, tmp_path: Path) -> None:
    place = postgres_place("first")
    with place.used():
        backup = make_backup(folder=tmp_path / "backups").path
        guest = SharedDatabase(place.url).start(
            "Image.objects.count(); print('in', flush=True); sys.stdin.read()", stdin=-1
        )
        assert guest.stdout is not None
        assert guest.stdout.readline() == "in\n"
        with pytest.raises(BackupRefused, match="connections besides ours"):
            restore_backup(folder=backup, force=True)
        guest.communicate()
