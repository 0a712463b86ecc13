"""All pictures of a person: search, filter, pages, and deleting with a way back."""

import unicodedata
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from images.models import Status
from images.models.image import ImageQuerySet
from images.services.trash import move_to_trash
from images.web.access import answer, own_image, own_images, read_ids
from images.web.cards import cards_for
from images.web.keyset import paginate
from images.web.undo import offer_undo

MAX_QUERY = 200
NEEDS_LOOK = "needs_look"
UNSEEN = {"Cc", "Cs", "Zl", "Zp"}
FILTERS = [
    ("", _("All")),
    (Status.DONE, _("Done")),
    (NEEDS_LOOK, _("Needs a look")),
    (Status.QUEUED, _("Waiting")),
    (Status.RUNNING, _("In work")),
    (Status.FAILED, _("Failed")),
]


def clean_query(text: str) -> str:
    """As names are stored: composed, and without control characters, which databases refuse."""
    composed = unicodedata.normalize("NFC", text[: 2 * MAX_QUERY])
    kept = (c for c in composed if unicodedata.category(c) not in UNSEEN)
    return "".join(kept).strip()[:MAX_QUERY]


@login_required
@require_safe
def gallery(request: HttpRequest) -> HttpResponse:
    query = clean_query(request.GET.get("q", ""))
    status = request.GET.get("status", "")
    images = own_images(request).kept().with_cutouts()
    if query:
        images = images.search(query)
    if status == NEEDS_LOOK:
        images = images.in_status(Status.DONE).filter(current_cutout__needs_look=True)
    elif status in Status.values:
        images = images.in_status(status)
    page = paginate(images, request.GET.get("cursor", ""))
    shown = cards_for(page.images)
    context = {
        "cards": shown,
        "page": page,
        "pending": any(card.is_pending for card in shown),
        "query": query,
        "status": status if status in (*Status.values, NEEDS_LOOK) else "",
        "filters": FILTERS,
    }
    return render(request, "web/gallery.html", context)


@login_required
@require_POST
def delete(request: HttpRequest, image_id: UUID) -> HttpResponse:
    own_image(request, image_id)
    return _delete(request, own_images(request).filter(pk=image_id))


@login_required
@require_POST
def delete_many(request: HttpRequest) -> HttpResponse:
    chosen = read_ids(request.POST.getlist("id"))
    return _delete(request, own_images(request).filter(pk__in=chosen))


def _delete(request: HttpRequest, images: ImageQuerySet) -> HttpResponse:
    ids = [str(pk) for pk in images.kept().order_by().values_list("pk", flat=True)]
    count = move_to_trash(images=images)
    told = ngettext(
        "%(count)d picture moved to the trash.", "%(count)d pictures moved to the trash.", count
    ) % {"count": count}
    offer_undo(request, told, ids)
    undo_url = reverse("web:restore_many")
    return answer(request, {"ids": ids, "message": told, "undo_url": undo_url}, to="web:gallery")
