"""The trash: what was deleted, to be taken back or to be gone for good."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from images.models.image import ImageQuerySet
from images.services import trash as service
from images.web.access import answer, own_image, own_images, read_ids, wants_json
from images.web.cards import cards_for
from images.web.keyset import paginate


@login_required
@require_safe
def trash(request: HttpRequest) -> HttpResponse:
    images = own_images(request).in_trash().with_cutouts()
    page = paginate(images, request.GET.get("cursor", ""), by="deleted_at")
    context = {"cards": cards_for(page.images), "page": page, "trash_days": settings.TRASH_DAYS}
    return render(request, "web/trash.html", context)


@login_required
@require_POST
def restore(request: HttpRequest, image_id: UUID) -> HttpResponse:
    own_image(request, image_id)
    return _restore(request, own_images(request).filter(pk=image_id))


@login_required
@require_POST
def restore_many(request: HttpRequest) -> HttpResponse:
    chosen = read_ids(request.POST.getlist("id"))
    return _restore(request, own_images(request).filter(pk__in=chosen))


def _restore(request: HttpRequest, images: ImageQuerySet) -> HttpResponse:
    count = service.restore(images=images)
    told = ngettext("%(count)d picture is back.", "%(count)d pictures are back.", count) % {
        "count": count
    }
    return _told(request, told, count)


@login_required
@require_POST
def purge(request: HttpRequest, image_id: UUID) -> HttpResponse:
    """Only from the trash, so that nothing is lost by one wrong request."""
    own_image(request, image_id)
    count = service.purge(images=own_images(request).in_trash().filter(pk=image_id))
    return _told_gone(request, count)


@login_required
@require_POST
def empty(request: HttpRequest) -> HttpResponse:
    assert request.user.is_authenticated
    return _told_gone(request, service.empty_trash(owner=request.user))


def _told_gone(request: HttpRequest, count: int) -> HttpResponse:
    told = ngettext(
        "%(count)d picture deleted for good.", "%(count)d pictures deleted for good.", count
    ) % {"count": count}
    return _told(request, told, count)


def _told(request: HttpRequest, message: str, count: int) -> HttpResponse:
    if not wants_json(request):
        messages.success(request, message)
    return answer(request, {"count": count, "message": message}, to="web:trash")
