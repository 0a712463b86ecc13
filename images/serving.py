"""Handing out stored files: only ever after a view has decided who may have them."""

import hashlib
import re
from pathlib import PurePosixPath
from typing import Any

from django.db.models.fields.files import FieldFile
from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.utils.cache import get_conditional_response, patch_vary_headers

from images.models import Image
from processing.sniff import FORMATS

# Whatever the bytes are, a browser that opens them as a document may neither run nor load anything.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
# How files of the formats we read are called: jpg and jpeg, tif and tiff, heic and heif.
PICTURE_ENDINGS = list(
    dict.fromkeys(
        ending
        for row in FORMATS.values()
        for ending in (row.extension, row.name, row.pillow.lower())
    )
)
_ENDING = re.compile(rf"\.({'|'.join(PICTURE_ENDINGS)})$", re.IGNORECASE)
# Stored files never change under one name. Who may see them can, but not for this browser without
# another cookie, which counts as another request (Vary).
CACHE_CONTROL = "private, max-age=3600, must-revalidate"


def serve_file(
    request: HttpRequest | Any,
    field_file: FieldFile,
    *,
    content_type: str,
    filename: str | None = None,
    attachment: bool = False,
    etag: str | None = None,
) -> HttpResponseBase:
    """The file with its headers, or 304 if the browser has it; Http404 if it is not on disk.

    `filename` is what the browser saves it as. `etag` defaults to a digest of the stored name,
    since a stored file is never rewritten.
    """
    tag = f'"{etag or _name_digest(field_file)}"'
    answer: HttpResponseBase | None = get_conditional_response(request, etag=tag)
    if answer is None or answer.status_code != 304:
        answer = FileResponse(
            _open(field_file),
            as_attachment=attachment,
            filename=filename or PurePosixPath(field_file.name or "").name,
            content_type=content_type,
        )
    answer.headers["ETag"] = tag
    answer.headers["Cache-Control"] = CACHE_CONTROL
    answer.headers["Content-Security-Policy"] = POLICY
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    patch_vary_headers(answer, ["Cookie", "Authorization"])
    return answer


def wants_download(request: HttpRequest | Any) -> bool:
    return request.GET.get("download", "").lower() in {"1", "true", "yes", "on"}


def download_name(image: Image, extension: str) -> str:
    """What a finished picture is saved as: the original's name with the ending of its format."""
    name = _ENDING.sub("", image.display_name).replace("/", "-").strip(". -")
    return f"{name or 'picture'}.{extension}"


def _open(field_file: FieldFile) -> Any:
    try:
        return field_file.storage.open(field_file.name or "", "rb")
    except (OSError, ValueError) as error:
        raise Http404 from error


def _name_digest(field_file: FieldFile) -> str:
    return hashlib.sha256((field_file.name or "").encode()).hexdigest()[:32]
