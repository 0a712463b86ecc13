"""Zips of finished pictures, sent while they are made."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from django.http import HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework.request import Request

from images.api.parameters import RENDITION_PARAMETERS, as_texts, render_spec_from
from images.models.image import ImageQuerySet
from images.services.archives import PLACEHOLDERS, Archive, NamePattern, NothingToArchive
from images.services.names import safe_file_name

if TYPE_CHECKING:
    from accounts.models import User

ARCHIVE_PARAMETERS = [
    *(parameter for parameter in RENDITION_PARAMETERS if parameter.name != "download"),
    OpenApiParameter(
        "names",
        description="How the files are called, without their ending: text with "
        f"{', '.join(f'`{{{name}}}`' for name in PLACEHOLDERS)}. `{{name}}`, the original's name, "
        "by default. Where two would be the same, the later gets a number.",
    ),
]
ARCHIVE_ANSWER = {
    (200, "application/zip"): OpenApiResponse(
        OpenApiTypes.BINARY,
        description="The zip. What could not be rendered is listed in its missing.txt.",
    )
}


def send_archive(
    request: Request, *, images: ImageQuerySet, params: Mapping[str, Any], title: str
) -> HttpResponseBase:
    """A zip called `title` of the finished ones of `images`.

    params: those of renditions, and `names`. Raises InvalidSpec, NothingToArchive if there are no
    `images`, or DownloadRunning.
    """
    owner = cast("User", request.user)
    given = as_texts(params)
    names = NamePattern.parse(given.pop("names", ""), preset=given.get("preset", ""))
    spec = render_spec_from(given, owner=owner)
    if not images.exists():
        raise NothingToArchive
    headers = {
        "Content-Disposition": str(
            content_disposition_header(True, safe_file_name(f"{title}.zip"))
        ),
        "Cache-Control": "private, no-store",
        "X-Accel-Buffering": "no",  # else nginx writes gigabytes to its disk
    }
    if request.method == "HEAD":  # takes no place, and renders nothing
        return StreamingHttpResponse(content_type="application/zip", headers=headers)
    archive = Archive(owner=owner, images=images, spec=spec, names=names)
    return StreamingHttpResponse(archive, content_type="application/zip", headers=headers)
