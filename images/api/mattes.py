"""Mattes as requests carry them: as the body itself, or as the file of a form."""

from collections.abc import Mapping
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from django.conf import settings
from django.core.files.base import File
from rest_framework import serializers
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser, MultiPartParser

CHUNK = 256 * 1024
IN_MEMORY = 1024 * 1024


class PngParser(BaseParser):
    """The body as a file; of one that is too large, just more than is allowed."""

    media_type = "image/png"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        content = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed with the request
        size = 0
        while size <= settings.MAX_UPLOAD_BYTES and (chunk := stream.read(CHUNK)):
            size += content.write(chunk)
        content.seek(0)
        file: File[bytes] = File(content, name="matte")
        file.size = size
        return {"file": file}


class WebpParser(PngParser):
    media_type = "image/webp"


class NoOtherParser(BaseParser):
    """Refuses the rest, such as what curl calls a body of which nobody said what it is."""

    media_type = "*/*"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        sentence = "Send image/png, image/webp or a form, and say which in Content-Type."
        raise UnsupportedMediaType(media_type or "", sentence)


MATTE_PARSERS = [MultiPartParser, PngParser, WebpParser, NoOtherParser]


class MatteSerializer(serializers.Serializer[Any]):
    file = serializers.FileField(
        allow_empty_file=True,
        help_text="PNG or WebP of the upright original's size: its alpha channel is the matte, or "
        "its brightness where it is opaque everywhere.",
    )
