"""Finished cutouts as plain files in EXPORT_DIR, by person and day, under their own names.

A cutout that waits to be exported says so in its row, from the transaction that finishes it; so
none is forgotten when a worker dies or the folder is not there for a while.
"""

import errno
import logging
import os
import secrets
from pathlib import Path
from time import monotonic

from django.conf import settings
from django.utils import timezone

from images.models import Cutout, Status
from images.services.errors import ServiceError
from images.services.names import download_name, safe_file_name
from images.services.rendering import render_cutout
from processing.errors import ProcessingError
from processing.spec import RenderSpec

logger = logging.getLogger(__name__)

BUDGET_SECONDS = 10.0
MAX_NAMES = 10_000
FILE_MODE = 0o640
AT_ONCE = 200
NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.ENOSYS}


def is_wanted() -> bool:
    return settings.EXPORT_DIR is not None


def export_cutout(*, cutout: Cutout) -> Path | None:
    """Write one finished cutout as a file, if it waits for that. None if it does not.

    The file appears complete or not at all. Doing it twice leaves one file. Raises OSError if it
    cannot be written; then it goes on waiting.
    """
    if not (is_wanted() and cutout.export_due and cutout.status == Status.DONE):
        return None
    try:
        path = _write(cutout)
    except (ProcessingError, ServiceError) as error:
        logger.error("Cutout %s cannot be exported: %s", cutout.pk, error.message)
        path = None
    Cutout.objects.filter(pk=cutout.pk).update(export_due=False)
    return path


def export_next_due() -> int:
    """Write what is still waiting, oldest first, for some seconds. Returns how many files."""
    if not is_wanted():
        return 0
    waiting = Cutout.objects.filter(export_due=True, status=Status.DONE)
    written, end = 0, monotonic() + BUDGET_SECONDS
    # A list: a cursor that is read while rows are written fails on SQLite once others write, too.
    for cutout in list(waiting.select_related("image", "owner").order_by("finished_at")[:AT_ONCE]):
        written += _export_if_possible(cutout)
        if monotonic() > end:
            break
    return written


def _export_if_possible(cutout: Cutout) -> bool:
    """One folder that cannot be written holds up nobody else's."""
    try:
        return export_cutout(cutout=cutout) is not None
    except OSError as error:
        logger.warning("Cutout %s is not exported yet: %s", cutout.pk, error)
        return False


def _write(cutout: Cutout) -> Path:
    spec = RenderSpec.parse(settings.EXPORT_PARAMETERS)
    folder = folder_for(cutout)
    folder.mkdir(parents=True, exist_ok=True, mode=0o750)  # first: it fails at once if it must
    data, _size = render_cutout(cutout=cutout, spec=spec)
    name = safe_file_name(download_name(cutout.image, spec.extension))
    return _place(data, folder, name)


def folder_for(cutout: Cutout) -> Path:
    """EXPORT_DIR/person/day; the day is that of the installation's time zone."""
    assert settings.EXPORT_DIR is not None
    day = timezone.localtime(cutout.finished_at).date()
    return settings.EXPORT_DIR / _person(cutout) / day.isoformat()


def _person(cutout: Cutout) -> str:
    """The address; where that is no name for a folder, one that nobody else's address becomes."""
    email = cutout.owner.email
    name = safe_file_name(email)
    return name if name == email else f"{name} {cutout.owner_id}"


def _place(data: bytes, folder: Path, name: str) -> Path:
    """Give `data` the first free name: "dog.png", "dog (2).png" ...

    A file that has the same bytes already is taken for an earlier attempt of ours.
    """
    draft = folder / f".{secrets.token_hex(8)}.part"
    try:
        draft.write_bytes(data)
        draft.chmod(FILE_MODE)
        for number in range(1, MAX_NAMES):
            target = folder / (name if number == 1 else _numbered(name, number))
            if _link(draft, target) or _holds(target, data):
                return target
    finally:
        draft.unlink(missing_ok=True)
    raise FileExistsError(errno.EEXIST, "There are too many files of this name", name)


def _numbered(name: str, number: int) -> str:
    path = Path(name)
    return f"{path.stem} ({number}){path.suffix}"


def _link(draft: Path, target: Path) -> bool:
    """Whether `draft` became `target`; False if there is one already."""
    try:
        os.link(draft, target)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in NO_LINKS or target.exists():
            raise
        draft.rename(target)  # a file system without hard links: here two could meet
    return True


def _holds(path: Path, data: bytes) -> bool:
    return path.stat().st_size == len(data) and path.read_bytes() == data
