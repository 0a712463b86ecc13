"""What a card says about a picture, for pages and for the script that keeps them up to date."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, JsonResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from images.models import Cutout, Image, Status
from images.services.cutouts import queue_positions
from images.services.errors import FileLost
from images.web.access import own_images, read_ids
from processing.errors import (
    EmptyFile,
    NotAnImage,
    TooManyPixels,
    TruncatedImage,
    UnsupportedFormat,
)
from processing.spec import THUMBNAIL

MAX_CARDS = 100
UNREADABLE = {
    error.code
    for error in (EmptyFile, FileLost, NotAnImage, TooManyPixels, TruncatedImage, UnsupportedFormat)
}


@dataclass(frozen=True, slots=True)
class Card:
    """A picture as lists show it. `position` is its place in the queue, where that is known."""

    image: Image
    position: int | None = None

    @property
    def status(self) -> str:
        """Work under way comes first, then a cutout to show, then the failure."""
        latest = self.image.latest_cutout
        if latest is not None and latest.is_pending:
            return str(latest.status)
        return str(Status.DONE if self.image.current_cutout_id else Status.FAILED)

    @property
    def is_pending(self) -> bool:
        return self.status in (Status.QUEUED, Status.RUNNING)

    @property
    def failure(self) -> Cutout | None:
        return self.image.latest_cutout if self.status == Status.FAILED else None

    @property
    def needs_look(self) -> bool:
        """Whether somebody should look at the cutout that is there to be seen."""
        shown = self.image.current_cutout
        return self.status == Status.DONE and shown is not None and shown.needs_look

    @property
    def picture_url(self) -> str | None:
        """The cutout as a thumbnail, else the picture as sent, else nothing, or nothing yet."""
        if self.image.current_cutout_id:
            return rendition_url(self.image.current_cutout_id, str(THUMBNAIL))
        if self.image.preview or self._is_readable:
            return reverse("web:preview", args=[self.image.pk])
        return None

    @property
    def _is_readable(self) -> bool:
        """Whether the attempt came far enough to tell that a preview can be made."""
        return self.failure is not None and self.failure.error_code not in UNREADABLE


def rendition_url(cutout_id: object, query: str) -> str:
    return f"{reverse('web:rendition', args=[cutout_id])}?{query}"


def cards_for(images: Iterable[Image]) -> list[Card]:
    """Cards of `images`, which must come with their cutouts; at most one query more."""
    images = list(images)
    latest = [image.latest_cutout for image in images if image.latest_cutout]
    positions = queue_positions(latest)
    return [
        Card(image, positions.get(image.latest_cutout.pk) if image.latest_cutout else None)
        for image in images
    ]


@login_required
@never_cache
@require_GET
def cards(request: HttpRequest) -> JsonResponse:
    """The cards of the pictures named by `id`, as they are now; a missing one is gone."""
    wanted = read_ids(request.GET.getlist("id"))[:MAX_CARDS]
    images = own_images(request).kept().with_cutouts().filter(pk__in=wanted)
    return JsonResponse({"cards": [_as_json(request, card) for card in cards_for(images)]})


def _as_json(request: HttpRequest, card: Card) -> dict[str, str]:
    html = render_to_string("web/_card.html", {"card": card}, request=request)
    return {"id": str(card.image.pk), "status": card.status, "html": html}
