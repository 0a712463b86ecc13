"""The one validator of uploads: form, serializer and command line call it."""

from typing import BinaryIO, cast

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.base import File

from processing.errors import ProcessingError
from processing.imageio import ImageHeader, read_header


def validate_upload(file: "File[bytes]") -> ImageHeader:
    """What the header of `file` says, or ValidationError with the code of what is wrong.

    Only the content counts, neither the name nor the declared type. Reads the header alone: what
    only decoding can tell (a file cut off half-way) fails later in the worker, with equal codes.
    """
    try:
        return read_header(
            cast("BinaryIO", file.file),
            max_bytes=settings.MAX_UPLOAD_BYTES,
            max_pixels=settings.MAX_PIXELS,
        )
    except ProcessingError as error:
        raise ValidationError(error.message, code=error.code) from error
    finally:
        file.seek(0)
