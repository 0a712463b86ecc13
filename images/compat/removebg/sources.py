"""Where the picture and its background come from: a file, base64 text or an address."""

import base64
import binascii
import re
import tempfile
from dataclasses import dataclass
from typing import IO, BinaryIO, cast

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.base import File

from images.compat.forms import Form, as_file
from images.compat.removebg.errors import RemoveBgError
from images.compat.removebg.parameters import SOURCES, only_background, only_source
from images.services.errors import ServiceError
from images.services.imports import DownloadFailed, fetch_picture
from images.services.uploads import digest
from images.validators import validate_upload
from processing.errors import ProcessingError
from processing.imageio import MEGABYTE, ImageHeader, open_image
from processing.pipeline import Pixels

MAX_BYTES = 22 * MEGABYTE
EXPECTED = "jpg/png/webp"
_PREFIX = re.compile(r"data:[\w/+.;=-]*,", re.ASCII)
_CODES = {
    "empty_file": "failed_to_read_image",
    "not_an_image": "invalid_file_type",
    "unsupported_format": "invalid_file_type",
    "truncated_image": "failed_to_read_image",
    "file_too_large": "file_too_large",
    "too_many_pixels": "resolution_too_high",
}


def max_bytes() -> int:
    return min(MAX_BYTES, settings.MAX_UPLOAD_BYTES)


def open_source(form: Form) -> "File[bytes]":
    """The picture. Raises RemoveBgError."""
    present = _present(form)
    if "image_file" in form.empty and not any(present.get(name) for name in SOURCES):
        raise RemoveBgError("missing_source", detail="The file in image_file is empty.")
    name = only_source(present)
    if name == "image_file" and name in form.files:
        return as_file(form.files[name], form.names.get(name) or "picture")
    if name == "image_url":
        return _download(form.fields[name], "failed_image_download", "image_url")
    return as_file(_decoded(form.fields[name]), "picture")


@dataclass(frozen=True, slots=True)
class Background:
    """A picture to put behind, not decoded yet. sha256: of its file."""

    file: "File[bytes]"
    sha256: str

    def decoded(self) -> Pixels:
        """RGB or RGBA. Raises RemoveBgError."""
        try:
            return open_image(cast("BinaryIO", self.file.file), max_pixels=settings.MAX_PIXELS)
        except ProcessingError as error:
            raise RemoveBgError("failed_to_read_image") from error


def open_background(form: Form) -> Background | None:
    """The picture behind, its header read; None if none is wanted. Raises RemoveBgError."""
    name = only_background(_present(form))
    if name in (None, "bg_color"):
        return None
    if name == "bg_image_url":
        file = _download(form.fields[name], "failed_bg_download", "bg_image_url")
    elif name in form.files:
        file = as_file(form.files[name], "background")
    else:
        file = as_file(_decoded(form.fields["bg_image_file"]), "background")
    read_header(file)
    return Background(file, digest(file))


def read_header(file: "File[bytes]") -> ImageHeader:
    """What the picture says about itself. Raises RemoveBgError."""
    if file.size > max_bytes():
        raise _refused("file_too_large")
    try:
        return validate_upload(file)
    except ValidationError as error:
        raise _refused(str(error.code), error.messages[0]) from error


def _refused(code: str, sentence: str = "") -> RemoveBgError:
    megapixels = re.search(r"([\d.]+) megapixels", sentence)
    return RemoveBgError(
        _CODES.get(code, "failed_to_read_image"),
        limit=(
            settings.MAX_PIXELS // 1_000_000
            if code == "too_many_pixels"
            else max_bytes() // MEGABYTE
        ),
        megapixels=round(float(megapixels[1])) if megapixels else "too many",
        expected=EXPECTED,
        received=_first_word(sentence) if code == "unsupported_format" else "unknown",
        detail=sentence if code == "empty_file" else "",
    )


def _first_word(sentence: str) -> str:
    return sentence.partition(" ")[0].lower()


def _present(form: Form) -> dict[str, bool]:
    text = {name: bool(value.strip()) for name, value in form.fields.items()}
    return text | dict.fromkeys(form.files, True)


def _decoded(text: str) -> IO[bytes]:
    """Base64 with or without a data: prefix, line breaks or padding, in either alphabet."""
    plain = re.sub(r"\s", "", _without_prefix(text)).translate(str.maketrans("-_", "+/"))
    try:
        content = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise RemoveBgError("failed_to_read_image") from error
    file = tempfile.SpooledTemporaryFile(MEGABYTE)  # noqa: SIM115 - closed with the request
    file.write(content)
    return file


def _without_prefix(text: str) -> str:
    """Looks for it at the beginning alone: a search takes the square of the time for spaces."""
    text = text.lstrip()
    found = _PREFIX.match(text)
    return text[found.end() :] if found else text


def _download(url: str, failed: str, parameter: str) -> "File[bytes]":
    try:
        return fetch_picture(url=url.strip())
    except DownloadFailed as error:
        raise RemoveBgError(failed, value=url.strip()[:200], detail=error.message) from error
    except ServiceError as error:
        raise RemoveBgError(
            f"invalid_{parameter}", parameter=parameter, detail=error.message
        ) from error
