"""Handing out stored files: only ever after a view has decided who may have them."""

import hashlib
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.core.files.storage import FileSystemStorage
from django.db.models.fields.files import FieldFile
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.http import content_disposition_header

# Whatever the bytes are, a browser that opens them as a document may neither run nor load anything.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
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
    since a stored file is never rewritten. With X_ACCEL_PREFIX nginx sends the bytes.
    """
    tag = f'"{etag or _name_digest(field_file)}"'
    answer: HttpResponseBase | None = get_conditional_response(request, etag=tag)
    if answer is None or answer.status_code != 304:
        filename = filename or PurePosixPath(field_file.name or "").name
        hand_out = _by_the_proxy if settings.X_ACCEL_PREFIX and _is_local(field_file) else _by_us
        answer = hand_out(field_file, content_type, filename, attachment)
    answer.headers["ETag"] = tag
    answer.headers["Cache-Control"] = CACHE_CONTROL
    answer.headers["Content-Security-Policy"] = POLICY
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    patch_vary_headers(answer, ["Cookie", "Authorization"])
    return answer


def wants_download(request: HttpRequest | Any) -> bool:
    return request.GET.get("download", "").lower() in {"1", "true", "yes", "on"}


def _by_us(
    field_file: FieldFile, content_type: str, filename: str, attachment: bool
) -> HttpResponseBase:
    return FileResponse(
        _open(field_file), as_attachment=attachment, filename=filename, content_type=content_type
    )


def _by_the_proxy(
    field_file: FieldFile, content_type: str, filename: str, attachment: bool
) -> HttpResponseBase:
    """Only says which file: nginx sends it from a location that nobody else can ask for."""
    if not field_file.storage.exists(field_file.name or ""):
        raise Http404
    answer = HttpResponse(content_type=content_type)
    answer.headers["X-Accel-Redirect"] = settings.X_ACCEL_PREFIX + quote(field_file.name or "")
    if disposition := content_disposition_header(attachment, filename):
        answer.headers["Content-Disposition"] = disposition
    return answer


def _is_local(field_file: FieldFile) -> bool:
    return isinstance(field_file.storage, FileSystemStorage)


def _open(field_file: FieldFile) -> Any:
    try:
        return field_file.storage.open(field_file.name or "", "rb")
    except (OSError, ValueError) as error:
        raise Http404 from error


def _name_digest(field_file: FieldFile) -> str:
    return hashlib.sha256((field_file.name or "").encode()).hexdigest()[:32]
