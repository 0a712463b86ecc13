"""Pictures of people's own to put behind their subjects."""

from typing import TYPE_CHECKING

from django.core.files.base import File
from django.db import IntegrityError, transaction

from images.models import Backdrop
from images.services import unfinished
from images.services.errors import LimitReached, Missing
from images.services.quotas import take_bytes
from images.services.storage import StoredFiles
from images.services.uploads import MAX_NAME_LENGTH, clean_name, digest
from images.validators import validate_upload

if TYPE_CHECKING:
    from accounts.models import User

MAX_BACKDROPS = 500


class BackdropLimitReached(LimitReached):
    code = "backdrop_limit_reached"
    message = f"You have {MAX_BACKDROPS} backdrops, which is as many as anybody may keep."


class BackdropGone(Missing):
    """Deleted a moment ago."""

    code = "backdrop_gone"
    message = "This backdrop has been deleted."


def add_backdrop(*, owner: "User", file: "File[bytes]", name: str = "") -> tuple[Backdrop, bool]:
    """(the backdrop of `owner` with the bytes of `file`, whether it is new).

    The same bytes sent again find the row that is there, which keeps its name.
    Raises ValidationError with a code if the file is no good, BackdropLimitReached,
    StorageLimitReached, StorageFull.
    """
    header = validate_upload(file)
    sha256 = digest(file)
    if found := _find(owner, sha256):
        return found, False
    backdrop = Backdrop(
        owner=owner,
        name=_tidy(name) or clean_name(file.name) or f"backdrop.{header.extension}",
        content_type=header.content_type,
        width=header.width,
        height=header.height,
        byte_size=file.size,
        sha256=sha256,
    )
    files = StoredFiles()
    with unfinished.announced(backdrop):
        try:
            backdrop.file = files.save(backdrop.file, f"backdrop.{header.extension}", file)
            _write(backdrop, owner)
        except IntegrityError:
            files.drop()
            if found := _find(owner, sha256):  # sent twice at once
                return found, False
            raise
        except BaseException:
            files.drop()
            raise
    return backdrop, True


def rename_backdrop(*, backdrop: Backdrop, name: str) -> None:
    """Raises BackdropGone."""
    name = _tidy(name) or backdrop.name
    if not Backdrop.objects.filter(pk=backdrop.pk).update(name=name):
        raise BackdropGone
    backdrop.name = name


def _tidy(name: str) -> str:
    return " ".join(name.split())[:MAX_NAME_LENGTH]


def _find(owner: "User", sha256: str) -> Backdrop | None:
    return Backdrop.objects.filter(owner=owner, sha256=sha256).first()


def _write(backdrop: Backdrop, owner: "User") -> None:
    with transaction.atomic():
        backdrop.save(force_insert=True)
        # After the row, as deleting counts in this order too: else the two could deadlock.
        take_bytes(owner=owner, byte_size=backdrop.byte_size)
        # Whoever adds one holds the counter now, so nobody is counting at the same time.
        if Backdrop.objects.filter(owner=owner).count() > MAX_BACKDROPS:
            raise BackdropLimitReached
