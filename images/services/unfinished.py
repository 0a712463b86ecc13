"""Files whose process died between writing them and writing the row they belong to.

A note stands on the local disk while an upload is under way. One that stays behind leads the sweep
to a file that no row names.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.core.files.storage import default_storage

from images.models import Backdrop, Cutout, Image
from images.services.storage import delete_folder

# No upload takes so long once its bytes have arrived.
MIN_AGE_SECONDS = 3600

Row = Image | Backdrop | Cutout
# By the beginning of a note's name; the identifier of the row follows.
KINDS: Mapping[str, type[Row]] = {"": Image, "backdrop-": Backdrop, "cutout-": Cutout}
UUID_LENGTH = 36


@contextmanager
def announced(row: Row) -> Iterator[None]:
    (kind,) = (kind for kind, model in KINDS.items() if isinstance(row, model))
    note = _folder() / f"{kind}{row.pk}"
    note.touch()
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def remove_unfinished() -> int:
    """Delete the files of uploads that never became a row. Returns how many."""
    removed = 0
    for note in list(_folder().iterdir()):
        if time.time() - note.stat().st_mtime < MIN_AGE_SECONDS:
            continue
        model = KINDS[note.name[:-UUID_LENGTH]]
        row = model(pk=UUID(note.name[-UUID_LENGTH:]))
        if not model._default_manager.filter(pk=row.pk).exists():
            for path in row.folders:
                delete_folder(default_storage, path)
            removed += 1
        note.unlink(missing_ok=True)
    return removed


def _folder() -> Path:
    folder: Path = settings.DATA_DIR / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
