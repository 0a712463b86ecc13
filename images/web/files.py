"""The files of pictures: only for those who may see the picture."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from images.models import Cutout
from images.services.errors import CutoutHasFailed, Missing
from images.services.finished import check_done
from images.services.names import download_name
from images.services.previews import ensure_preview
from images.services.render_specs import render_spec_for
from images.services.renditions import get_rendition
from images.serving import serve_file, wants_download
from images.web.access import own_image
from images.web.refusals import REFUSALS, Refusal, status_of, with_headers
from processing.spec import RenderSpec

if TYPE_CHECKING:
    from accounts.models import User

View = Callable[..., HttpResponseBase]
# Of the page's form, not of the rendition.
PAGE_ONLY = ("download", "colour", "size")
FAILED = _("There is no cutout")
TITLES = {
    400: _("That does not fit"),
    409: _("Not finished yet"),
    422: _("This picture cannot be shown"),
    503: _("One moment, please"),
}


def _explains_refusals(view: View) -> View:
    """Turn refusals of the services into pages that say what is wrong."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except Missing as error:
            raise Http404 from error
        except REFUSALS as refusal:
            return _problem(request, refusal)

    return wrapped


def _problem(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    status = status_of(refusal)
    title = FAILED if isinstance(refusal, CutoutHasFailed) else TITLES[status]
    context = {"title": title, "message": refusal.message, "code": status}
    page = render(request, "web/problem.html", context, status=status)
    return with_headers(page, refusal)


def _own_cutout(request: HttpRequest, cutout_id: UUID) -> Cutout:
    cutouts = Cutout.objects.visible_to(request.user).select_related("image__owner")
    return get_object_or_404(cutouts, pk=cutout_id)


@login_required
@require_safe
def original(request: HttpRequest, image_id: UUID) -> HttpResponseBase:
    """The bytes as sent: always an attachment, since anybody can name anything a picture."""
    image = own_image(request, image_id)
    return serve_file(
        request,
        image.original,
        content_type=image.content_type,
        filename=image.original_name,
        attachment=True,
        etag=image.sha256,
    )


@login_required
@require_safe
@_explains_refusals
def preview(request: HttpRequest, image_id: UUID) -> HttpResponseBase:
    image = ensure_preview(image=own_image(request, image_id))
    return serve_file(request, image.preview, content_type="image/webp")


@login_required
@require_safe
@_explains_refusals
def matte(request: HttpRequest, cutout_id: UUID) -> HttpResponseBase:
    cutout = _own_cutout(request, cutout_id)
    check_done(cutout)
    return serve_file(request, cutout.matte, content_type="image/png")


@login_required
@require_safe
@_explains_refusals
def rendition(request: HttpRequest, cutout_id: UUID) -> HttpResponseBase:
    cutout = _own_cutout(request, cutout_id)
    spec = spec_from_form(request.GET.dict(), owner=cutout.image.owner)
    made = get_rendition(cutout=cutout, spec=spec)
    return serve_file(
        request,
        made.file,
        content_type=made.content_type,
        filename=download_name(cutout.image, spec.extension),
        attachment=wants_download(request),
    )


def spec_from_form(params: dict[str, str], *, owner: "User") -> RenderSpec:
    """Parameters as the API has them for `owner`, and two that a form without scripts needs:
    `size`, the longest side, and `colour`, which counts where the background is "custom".
    """
    extra = {name: params.pop(name, "") for name in PAGE_ONLY}
    if params.get("background") == "custom":
        params["background"] = extra["colour"]
    if extra["size"]:
        params.setdefault("max_side", extra["size"])
    return render_spec_for(owner=owner, params=params)
