"""Putting a backup back: checked first, and what was there is kept aside."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from images.services.backup import list_backups
from images.services.backup_database import Database, find_database
from images.services.backup_manifest import (
    KEY_NAME,
    MEDIA_NAME,
    BackupRefused,
    Contents,
    Manifest,
    sha256_of,
)
from images.services.backup_media import (
    ASIDE_PREFIX,
    copy_media,
    entries,
    measure,
    media_folder,
)


@dataclass(frozen=True, slots=True)
class Restored:
    """`aside`: the folders that keep what was there before; none if there was nothing."""

    manifest: Manifest
    aside: list[Path]


def restore_backup(*, folder: Path, force: bool = False) -> Restored:
    """Make this installation what it was when the backup was made, brought up to date.

    `folder` is a backup, or holds backups: then the newest. Raises BackupRefused, with nothing
    changed, if the backup is damaged, of another kind of database or of a newer version; while the
    application runs; and without `force` where there are people or pictures already. If anything
    fails later on, what was there is put back.
    """
    path = _choose(folder)
    manifest, database = _check(path)
    settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
    with _stopped_application():
        database.refuse_if_used()
        if not force and _is_in_use(database):
            raise BackupRefused(
                "There are people or pictures here already. With --force they are kept aside."
            )
        return Restored(manifest, _replace(path, manifest, database))


def _choose(folder: Path) -> Path:
    if not folder.is_dir():
        raise BackupRefused(f"There is no folder {folder}.")
    backups = list_backups(folder)
    return backups[-1] if backups else folder


def _check(path: Path) -> tuple[Manifest, Database]:
    manifest, database = Manifest.read(path), find_database()
    dump = path / manifest.database_file
    if manifest.database_file != database.file_name:
        raise BackupRefused(
            f"The backup has a {manifest.database} database, and DATABASE_URL names a"
            f" {connection.vendor} one."
        )
    if not dump.exists() or sha256_of(dump) != manifest.database_sha256:
        raise BackupRefused(f"{dump} is missing or damaged: its checksum differs.")
    database.check(dump)
    _check_version(manifest)
    _check_media(path, manifest)
    return manifest, database


def _check_version(manifest: Manifest) -> None:
    """By the migrations of our own rooms: those of libraries may be squashed or renamed."""
    known = set(MigrationLoader(None).disk_migrations)
    ours = {app for app, _name in known if app in ("accounts", "images")}
    newer = [f"{app}.{name}" for app, name in set(manifest.migrations) - known if app in ours]
    if newer:
        raise BackupRefused(
            f"The backup was made by a newer version, {manifest.version}: this one does not know"
            f" {', '.join(sorted(newer))}."
        )


def _check_media(path: Path, manifest: Manifest) -> None:
    folder = media_folder()
    if manifest.files is None:
        return
    if folder is None:
        raise BackupRefused("The backup has pictures, and here object storage keeps them.")
    found = measure(path / MEDIA_NAME)
    if (found.files, found.bytes) != (manifest.files, manifest.bytes):
        raise BackupRefused(
            f"Pictures of the backup are missing or damaged: {found.files} files with"
            f" {found.bytes} bytes, instead of {manifest.files} with {manifest.bytes}."
        )
    folder.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(folder).free < found.bytes:
        raise BackupRefused(f"The pictures need {found.bytes} bytes, more than the disk has left.")


@contextmanager
def _stopped_application() -> Iterator[None]:
    """Holds the lock that the running application holds: it cannot start meanwhile either."""
    lock = os.open(settings.DATA_DIR / "run.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise BackupRefused(f"Clearcut runs with {settings.DATA_DIR}. Stop it first.") from error
    finally:
        os.close(lock)


def _is_in_use(database: Database) -> bool:
    """Whether anybody has an account here, or there are pictures, or nobody can tell."""
    folder = media_folder()
    if folder is not None and any(measure(path).files for path in entries(folder)):
        return True
    try:
        return not database.is_empty() and any(_contents().rows.values())
    except DatabaseError:
        return True


def _contents() -> Contents:
    def fetch(query: str) -> list[tuple[object, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())

    return Contents.read(fetch)


def _replace(path: Path, manifest: Manifest, database: Database) -> list[Path]:
    """Everything that takes long happens before anything is moved."""
    name = f"{ASIDE_PREFIX}{timezone.now():%Y-%m-%dT%H%M%SZ}"
    data_aside, media = settings.DATA_DIR / name, media_folder()
    with ExitStack() as undo:
        drafts = None
        if media is not None and manifest.files is not None:
            drafts = media / f".restoring-{name}"
            undo.callback(shutil.rmtree, drafts, ignore_errors=True)
            copy_media(source=path / MEDIA_NAME, target=drafts)
        data_aside.mkdir()
        undo.callback(_remove_if_empty, data_aside)
        database.set_aside(data_aside)
        undo.callback(database.put_back, data_aside)
        database.load(path / database.file_name)
        if _contents().rows != manifest.rows:
            raise BackupRefused("The restored database is not what the backup says it is.")
        call_command("migrate", interactive=False, verbosity=0)
        connection.close()
        _replace_key(path, data_aside, undo)
        if media is not None and drafts is not None:
            _replace_media(media, drafts, media / name, undo)
        undo.pop_all()
    return [folder for folder in _asides(data_aside, media) if not _remove_if_empty(folder)]


def _replace_key(path: Path, aside: Path, undo: ExitStack) -> None:
    key, new = settings.DATA_DIR / KEY_NAME, path / KEY_NAME
    if not new.exists():
        return
    if key.exists():
        key.rename(aside / KEY_NAME)
        undo.callback((aside / KEY_NAME).rename, key)
    shutil.copyfile(new, key)
    undo.callback(key.unlink)


def _replace_media(media: Path, drafts: Path, aside: Path, undo: ExitStack) -> None:
    aside.mkdir()
    undo.callback(_remove_if_empty, aside)
    for source, target in ((media, aside), (drafts, media)):
        for entry in entries(source):
            entry.rename(target / entry.name)
            undo.callback((target / entry.name).rename, entry)
    drafts.rmdir()


def _asides(data_aside: Path, media: Path | None) -> list[Path]:
    return [data_aside, *([media / data_aside.name] if media is not None else [])]


def _remove_if_empty(folder: Path) -> bool:
    """Whether the folder was empty, or not there."""
    if folder.exists() and any(folder.iterdir()):
        return False
    if folder.exists():
        folder.rmdir()
    return True
