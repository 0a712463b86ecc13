"""What the views of pages share: whose pictures, which answer, where to go next."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme

from images.models import Image
from images.models.image import ImageQuerySet

MAX_IDS = 500


def own_images(request: HttpRequest) -> ImageQuerySet:
    return Image.objects.visible_to(request.user)


def own_image(request: HttpRequest, image_id: UUID) -> Image:
    """The picture with its cutouts, also one in the trash; Http404 for anybody else's."""
    image = own_images(request).with_cutouts().filter(pk=image_id).first()
    if image is None:
        raise Http404
    return image


def read_ids(values: Iterable[str]) -> list[UUID]:
    """The identifiers among `values`; what is not one was not made by our pages and is dropped."""
    found = []
    for value in list(values)[:MAX_IDS]:
        try:
            found.append(UUID(value))
        except ValueError:
            continue
    return found


def wants_json(request: HttpRequest) -> bool:
    """Whether a script asked, which shows the outcome itself instead of following a redirect."""
    return "application/json" in request.headers.get("Accept", "")


def answer(request: HttpRequest, data: dict[str, Any], *, to: str) -> HttpResponse:
    """JSON for a script, else a redirect to `next` of the form or to the page `to`."""
    return JsonResponse(data) if wants_json(request) else go_on(request, to=to)


def go_on(request: HttpRequest, *, to: str) -> HttpResponse:
    return redirect(_next_page(request) or resolve_url(to))


def _next_page(request: HttpRequest) -> str:
    target = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if safe else ""
