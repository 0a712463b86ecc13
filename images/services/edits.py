"""Mattes that people have painted on: each becomes a cutout beside the one it was made from."""

import secrets

from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.db import transaction
from django.utils import timezone

from images.models import Cutout
from images.services import unfinished
from images.services.cutouts import enqueue, lock_idle
from images.services.storage import StoredFiles
from images.validators import validate_upload
from processing.imageio import ImageHeader

FORMATS = ("png", "webp")


def submit_matte(*, cutout: Cutout, file: "File[bytes]") -> Cutout:
    """Queue a cutout whose matte is `file`, painted on that of `cutout`. It is not counted.

    Only the header is read here; the worker decodes it. Raises ValidationError with a code if the
    file cannot be the matte of this picture, ImageGone, ImageInTrash, OriginalDeleted,
    TooManyVersions, CutoutPending, StorageFull.
    """
    header = _check(cutout, file)
    return queue_matte(cutout=cutout, file=file, extension=header.extension)


def queue_matte(*, cutout: Cutout, file: "File[bytes]", extension: str) -> Cutout:
    """`submit_matte` of a file that is known to be a matte of this picture.

    Raises ImageGone, ImageInTrash, OriginalDeleted, TooManyVersions, CutoutPending, StorageFull.
    """
    edited = Cutout(
        image=cutout.image,
        kind=Cutout.Kind.EDITED,
        parent=cutout,
        engine=cutout.engine,
        extract_spec=cutout.extract_spec,
        queued_at=timezone.now(),
    )
    files = StoredFiles()
    with unfinished.announced(edited):
        try:
            name = f"sent-{secrets.token_hex(4)}.{extension}"
            edited.sent_matte = files.save(edited.sent_matte, name, file)
            with transaction.atomic():
                enqueue(edited, image=lock_idle(cutout.image))
        except BaseException:
            files.drop()
            raise
    return edited


def _check(cutout: Cutout, file: "File[bytes]") -> ImageHeader:
    header = validate_upload(file)
    if header.format not in FORMATS:
        raise ValidationError("A matte must be a PNG or a WebP.", code="unsupported_format")
    image = cutout.image
    if (header.width, header.height) != (image.width, image.height):
        raise ValidationError(
            f"The matte has {header.width} x {header.height} pixels; the upright picture has "
            f"{image.width} x {image.height}, and the matte must have the same.",
            code="wrong_size",
        )
    return header
