"""From an uploaded file to a stored picture with a cutout under way."""

import hashlib
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from django.core.files.base import File
from django.db import transaction

from images.models import Batch, Image
from images.services import unfinished
from images.services.batches import BatchGone
from images.services.cutouts import check_region, default_spec, offered, queue_cutout
from images.services.names import compose, shorten
from images.services.quotas import take_image
from images.services.storage import StoredFiles
from images.services.tags import clean_tags, set_tags
from images.validators import validate_upload
from processing.spec import ExtractSpec

if TYPE_CHECKING:
    from accounts.models import User

MAX_NAME_LENGTH = 255


def submit_image(
    *,
    owner: "User",
    file: "File[bytes]",
    extract_spec: ExtractSpec | None = None,
    title: str = "",
    tags: Iterable[str] = (),
    batch: Batch | None = None,
    expires_at: datetime | None = None,
) -> Image:
    """Store `file` as a new picture of `owner` and queue its first cutout.

    The file is written before the transaction, which therefore stays short, and goes away again
    if the transaction fails. With `expires_at` no list shows it, and it goes then.
    batch: one of the owner's.
    Raises ValidationError with a code if the file is no good, UnknownEngine if the engine is not
    on offer, InvalidSpec if the region does not fit, InvalidTag, TooManyTags, StorageFull,
    LimitReached, or Missing if the batch has just been deleted.
    """
    spec = offered(extract_spec or default_spec())
    words = clean_tags(tags)
    header = validate_upload(file)
    check_region(spec, (header.width, header.height))
    image = Image(
        owner=owner,
        original_name=clean_name(file.name) or f"picture.{header.extension}",
        title=title.strip(),
        batch=batch,
        content_type=header.content_type,
        width=header.width,
        height=header.height,
        byte_size=file.size,
        sha256=digest(file),
        expires_at=expires_at,
    )
    files = StoredFiles()
    with unfinished.announced(image):
        try:
            image.original = files.save(image.original, f"original.{header.extension}", file)
            _write_rows(image, words, spec)
        except BaseException:
            files.drop()
            raise
    return image


@transaction.atomic
def _write_rows(image: Image, words: list[str], spec: ExtractSpec) -> None:
    _keep(image.batch)
    image.save(force_insert=True)
    if words:
        set_tags(image=image, names=words)
    queue_cutout(image=image, extract_spec=spec)
    # Last, as deleting counts in this order too: else the two could deadlock.
    take_image(owner=image.owner, byte_size=image.byte_size)


def _keep(batch: Batch | None) -> None:
    """Until the transaction ends. Raises BatchGone if somebody deleted the batch meanwhile."""
    if batch is not None:
        rows = Batch.objects.select_for_update(no_key=True).filter(pk=batch.pk)
        if not rows.values_list("pk"):
            raise BatchGone


def clean_name(name: str | None) -> str:
    """The last part of a file name, composed, without control characters, of bounded length.

    The ending survives the shortening. Forms write %22, %0D and %0A for what would end a name.
    """
    plain = (name or "").replace("%22", '"').replace("%0D", "").replace("%0A", "")
    base = compose(plain.replace("\\", "/").rsplit("/", 1)[-1])
    visible = "".join(c for c in base if unicodedata.category(c) not in {"Cc", "Cs", "Zl", "Zp"})
    return shorten(visible.strip(), MAX_NAME_LENGTH)


def digest(file: "File[bytes]") -> str:
    """SHA-256 of all of it; leaves it at its start."""
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()
