"""/api/remove as rembg's own server (`rembg s`) has it."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from rest_framework.request import Request

from images.api.waiting import waiting_place
from images.compat.forms import Form, as_file, sent_form
from images.compat.submitting import submit_once
from images.compat.views import PATIENCE_SECONDS, PlainView, deadline, finished, owner_of
from images.services.cutouts import default_spec
from images.services.imports import fetch_picture
from images.services.renditions import get_rendition
from processing.errors import EmptyFile, InvalidSpec
from processing.spec import ExtractSpec, RenderSpec

if TYPE_CHECKING:
    from django.core.files.base import File


TRUE = frozenset({"1", "true", "yes", "on"})


class RembgRemove(PlainView):
    """GET with `url`, or POST with the multipart field `file`. Answers a PNG."""

    def get(self, request: Request) -> HttpResponse:
        url = request.query_params.get("url", "").strip()
        if not url:
            return _missing("url")
        until = deadline()
        fields = request.query_params.dict()
        with waiting_place(owner_of(request).pk), fetch_picture(url=url) as file:
            return _cut_out(request, file, fields, until)

    def post(self, request: Request) -> HttpResponse:
        until = deadline()
        place = waiting_place(owner_of(request).pk, patience=PATIENCE_SECONDS)
        with place, sent_form(request._request, max_file_bytes=settings.MAX_UPLOAD_BYTES) as form:
            return self._sent(request, form, until)

    def _sent(self, request: Request, form: Form, until: float) -> HttpResponse:
        content = form.files.get("file")
        if content is None and "file" in form.empty:
            raise EmptyFile
        if content is None:
            return _missing("file")
        # `bgc` and `extras` come with the address even here.
        fields = {**request.query_params.dict(), **form.fields}
        file = as_file(content, form.names.get("file") or "picture")
        return _cut_out(request, file, fields, until)


def _missing(name: str) -> JsonResponse:
    return JsonResponse({"detail": f"The parameter {name} is missing."}, status=422)


def _cut_out(
    request: Request, file: "File[bytes]", fields: dict[str, str], until: float
) -> HttpResponse:
    extract_spec, spec = _specs(fields)
    owner = owner_of(request)
    cutout, _new = submit_once(owner=owner, file=file, extract_spec=extract_spec)
    rendition = get_rendition(cutout=finished(cutout, until=until), spec=spec)
    with rendition.file.open("rb") as content:
        return HttpResponse(content.read(), content_type=rendition.content_type)


def _specs(fields: dict[str, str]) -> tuple[ExtractSpec, RenderSpec]:
    """`a`, `af`, `ab`, `ae`, `ppm` and `extras` are accepted and change nothing: edges are always
    taken out of their old background, and engines come from the catalog alone.
    """
    extract_spec = ExtractSpec.parse({"engine": fields.get("model") or default_spec().engine})
    params = {"background": _colour(fields.get("bgc", ""))}
    if fields.get("om", "").lower() in TRUE:
        params["channels"] = "alpha"
    return extract_spec, RenderSpec.from_params(params)


def _colour(text: str) -> str:
    """`r,g,b,a`, each 0..255, as our own parameter writes it."""
    if not text.strip():
        return ""
    parts = [part.strip() for part in text.split(",")]
    numbers = [int(part) for part in parts if part.isascii() and part.isdigit() and len(part) < 4]
    if len(parts) not in (3, 4) or len(numbers) != len(parts) or max(numbers) > 255:
        raise InvalidSpec("bgc", "bgc must be r,g,b,a with numbers from 0 to 255.")
    return bytes(numbers).hex()
