"""Reading and writing stored files, so that a row and its files come and go together."""

import errno
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage, Storage
from django.db import transaction
from django.db.models.fields.files import FieldFile

from images.services.errors import FileLost, StorageFull

logger = logging.getLogger(__name__)


@contextmanager
def open_file(field_file: FieldFile) -> Iterator[BinaryIO]:
    """The bytes of a stored file; FileLost if there are none."""
    try:
        file = field_file.storage.open(field_file.name or "", "rb")
    except (OSError, ValueError) as error:
        raise FileLost from error
    with file:
        yield cast("BinaryIO", file.file)


def is_stored(field_file: FieldFile) -> bool:
    """Whether there is a file, in the row and in the storage."""
    return bool(field_file.name) and field_file.storage.exists(str(field_file.name))


class StoredFiles:
    """Files written on the way to a commit: kept together, so that they can be dropped together."""

    def __init__(self) -> None:
        self._written: list[tuple[Storage, str]] = []

    def save(self, field_file: FieldFile, name: str, content: "bytes | File[bytes]") -> str:
        """Write `content` where the field puts a file called `name`; returns the stored name.

        Raises StorageFull. What was written until then is dropped with the rest.
        """
        path = field_file.field.generate_filename(field_file.instance, name)
        self._written.append((field_file.storage, path))
        file = ContentFile(content) if isinstance(content, bytes) else content
        try:
            stored = field_file.storage.save(path, file)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StorageFull from error
            raise
        self._written[-1] = (field_file.storage, stored)
        return stored

    def drop(self) -> None:
        for storage, name in self._written:
            with suppress(OSError):
                delete_file(storage, name)


def delete_folder(storage: Storage, path: str) -> None:
    """Delete a folder and the files in it, whoever put them there; nothing if it is not there."""
    try:
        _folders, names = storage.listdir(path)
    except FileNotFoundError:
        return
    for name in names:
        storage.delete(f"{path}/{name}")
    if isinstance(storage, FileSystemStorage):
        with suppress(OSError):  # somebody is writing just now, and will drop it
            Path(storage.path(path)).rmdir()


def delete_file(storage: Storage, name: str) -> None:
    """Delete a stored file and, on a local disk, the folder it leaves empty."""
    storage.delete(name)
    if isinstance(storage, FileSystemStorage):
        with suppress(OSError):  # not empty: other files of the same row
            Path(storage.path(name)).parent.rmdir()


def delete_on_commit(deletion: Callable[[], None], name: str) -> None:
    """Run `deletion` once the transaction is through, so that a rolled-back one keeps its files.

    What cannot be deleted then is named in the log.
    """

    def delete() -> None:
        try:
            deletion()
        except Exception:  # a disk and an object storage fail in many ways
            logger.exception("Could not delete %s", name)

    transaction.on_commit(delete)
