"""Uploads whose process died between writing the file and writing the row.

A note stands on the local disk while an upload is under way. One that stays behind leads the sweep
to a file that no row names.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.core.files.storage import default_storage

from images.models import Image
from images.services.storage import delete_folder

# No upload takes so long once its bytes have arrived.
MIN_AGE_SECONDS = 3600


@contextmanager
def announced(image: Image) -> Iterator[None]:
    note = _folder() / str(image.pk)
    note.touch()
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def remove_unfinished() -> int:
    """Delete the files of uploads that never became a picture. Returns how many."""
    removed = 0
    for note in list(_folder().iterdir()):
        if time.time() - note.stat().st_mtime < MIN_AGE_SECONDS:
            continue
        image = Image(pk=UUID(note.name))
        if not Image.objects.filter(pk=image.pk).exists():
            for path in image.folders:
                delete_folder(default_storage, path)
            removed += 1
        note.unlink(missing_ok=True)
    return removed


def _folder() -> Path:
    folder: Path = settings.DATA_DIR / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
