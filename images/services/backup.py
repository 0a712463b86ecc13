"""Backups: everything that cannot be made anew, in one folder that is whole or not there."""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from images.services.backup_database import find_database
from images.services.backup_manifest import (
    KEY_NAME,
    MEDIA_NAME,
    BackupRefused,
    Manifest,
    sha256_of,
)
from images.services.backup_media import Copied, copy_media, media_folder

NAME = re.compile(r"clearcut-\d{4}-\d\d-\d\dT\d{6}Z")
DRAFT_PREFIX = ".unfinished-"


@dataclass(frozen=True, slots=True)
class Backup:
    path: Path
    manifest: Manifest
    copied: Copied | None


def make_backup(*, folder: Path, keep: int | None = None) -> Backup:
    """A new backup in `folder`, beside older ones; the application may run meanwhile.

    The database first, the pictures after it: a file too many is harmless. Of older backups the
    newest `keep` stay, this one included. Raises BackupRefused, and OSError where a disk refuses;
    then no backup has appeared and none has gone.
    """
    media = media_folder()
    if media is not None and folder.resolve().is_relative_to(media.resolve()):
        raise BackupRefused(f"{folder} lies among the pictures, and would be part of itself.")
    folder.mkdir(parents=True, exist_ok=True)
    with _alone_in(folder):
        _remove_drafts(folder)
        older = list_backups(folder)
        target = folder / f"clearcut-{timezone.now():%Y-%m-%dT%H%M%SZ}"
        if target.exists():
            raise BackupRefused(f"{target} was made this very second.")
        backup = _write(folder / f"{DRAFT_PREFIX}{target.name}", target, older)
        if keep is not None:
            prune(folder, keep=keep)
    return backup


def list_backups(folder: Path) -> list[Path]:
    """Oldest first."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and NAME.fullmatch(path.name))


def prune(folder: Path, *, keep: int) -> list[Path]:
    """Delete the oldest backups until `keep` are left. Raises ValueError for keep < 1."""
    if keep < 1:
        raise ValueError("keep must be at least 1")
    old = list_backups(folder)[:-keep]
    for path in old:
        shutil.rmtree(path.rename(folder / f"{DRAFT_PREFIX}{path.name}"))
    return old


def _write(draft: Path, target: Path, older: list[Path]) -> Backup:
    draft.mkdir()
    try:
        backup = _fill(draft, target, older[-1] / MEDIA_NAME if older else None)
        os.sync()  # a name that appears before its content would be a lie after a power cut
        draft.rename(target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return backup


def _fill(draft: Path, target: Path, previous: Path | None) -> Backup:
    database = find_database()
    dump = draft / database.file_name
    contents = database.dump(dump)
    database.check(dump)
    source = media_folder()
    copied = None
    if source is not None:
        copied = copy_media(source=source, target=draft / MEDIA_NAME, previous=previous)
    key = settings.DATA_DIR / KEY_NAME
    if key.exists():
        shutil.copyfile(key, draft / KEY_NAME)
    manifest = Manifest(
        version=settings.VERSION,
        made_at=timezone.now().isoformat(timespec="seconds"),
        database=dump.suffix.lstrip("."),
        database_file=dump.name,
        database_sha256=sha256_of(dump),
        rows=contents.rows,
        migrations=contents.migrations,
        files=copied.files if copied else None,
        bytes=copied.bytes if copied else None,
    )
    manifest.write(draft)
    return Backup(target, manifest, copied)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise BackupRefused(f"Another backup into {folder} is under way.") from error
    finally:
        os.close(descriptor)


def _remove_drafts(folder: Path) -> None:
    """Left behind by backups that were killed."""
    for draft in folder.glob(f"{DRAFT_PREFIX}*"):
        shutil.rmtree(draft)
