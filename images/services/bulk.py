"""One action on many pictures: in chunks, for some seconds, counting what was refused and why."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from django.db.models import Q

from images.models import Image, Status
from images.models.image import ImageQuerySet
from images.services.cutouts import offered, request_cutout, retry_cutout
from images.services.errors import ImageGone, ServiceError
from images.services.tags import TooManyTags, add_tags, remove_tags
from images.services.trash import move_to_trash, purge, restore
from processing.errors import NothingFound, ProcessingError
from processing.spec import ExtractSpec

if TYPE_CHECKING:
    from accounts.models import User

CHUNK = 100
SECONDS = 10.0

Refused = Counter[str]
# Acts on one chunk of pictures; says how many it changed, and what it refused.
Action = Callable[[ImageQuerySet], tuple[int, Refused]]


class Place(NamedTuple):
    """Of a picture in the order newest first."""

    created_at: datetime
    pk: UUID


@dataclass(slots=True)
class BulkResult:
    """matched: pictures that were chosen. changed: those on which the action had an effect.
    refused: by code. remaining: those it has not come to. next: where to go on from, if any remain.
    """

    matched: int
    changed: int = 0
    refused: Refused = field(default_factory=Counter)
    remaining: int = 0
    next: Place | None = None


def run_bulk(*, images: ImageQuerySet, action: Action, after: Place | None = None) -> BulkResult:
    """Act on `images`, newest first, for at most some SECONDS and one chunk.

    after: where an earlier run stopped. Every chunk is committed by itself. Raises ServiceError or
    ProcessingError where the action can be done with no picture at all.
    """
    until = monotonic() + SECONDS
    line = images.select_related(None).prefetch_related(None).order_by("-created_at", "-pk")
    rest = line.filter(_behind(after))
    result = BulkResult(matched=rest.count())
    seen = 0
    while chunk := [Place(*row) for row in rest.values_list("created_at", "pk")[:CHUNK]]:
        changed, refused = action(Image.objects.filter(pk__in=[place.pk for place in chunk]))
        result.changed += changed
        result.refused += refused
        seen += len(chunk)
        rest = line.filter(_behind(chunk[-1]))
        if monotonic() >= until and rest.exists():
            result.next = chunk[-1]
            result.remaining = max(1, result.matched - seen)
            break
    return result


def deleting() -> Action:
    return lambda images: (move_to_trash(images=images), Counter())


def restoring() -> Action:
    return lambda images: (restore(images=images), Counter())


def purging() -> Action:
    return lambda images: (purge(images=images), Counter())


def tagging(*, owner: "User", names: Sequence[str]) -> Action:
    def act(images: ImageQuerySet) -> tuple[int, Refused]:
        chosen = _keys(images)
        tagged = add_tags(owner=owner, image_ids=chosen, names=names)
        return len(tagged), Counter({TooManyTags.code: len(set(chosen) - tagged)})

    return act


def untagging(*, owner: "User", names: Sequence[str]) -> Action:
    def act(images: ImageQuerySet) -> tuple[int, Refused]:
        return len(remove_tags(owner=owner, image_ids=_keys(images), names=names)), Counter()

    return act


def rerunning(*, extract_spec: ExtractSpec) -> Action:
    """Raises UnknownEngine."""
    offered(extract_spec)

    def rerun(image: Image) -> None:
        request_cutout(image=image, extract_spec=extract_spec)

    return partial(_one_by_one, rerun)


def retrying() -> Action:
    """What found nothing is left out: the same engine would find nothing again."""
    return partial(_one_by_one, _retry)


def _retry(image: Image) -> None:
    cutout = image.latest_cutout
    if cutout is None:
        raise ImageGone
    if cutout.status == Status.FAILED and cutout.error_code == NothingFound.code:
        raise NothingFound
    retry_cutout(cutout=cutout)


def _one_by_one(act: Callable[[Image], object], images: ImageQuerySet) -> tuple[int, Refused]:
    changed, refused = 0, Counter[str]()
    for image in images.select_related("latest_cutout").order_by("-created_at", "-pk"):
        try:
            act(image)
        except (ServiceError, ProcessingError) as error:
            refused[error.code] += 1
        else:
            changed += 1
    return changed, refused


def _keys(images: ImageQuerySet) -> list[UUID]:
    return list(images.values_list("pk", flat=True))


def _behind(place: Place | None) -> Q:
    if place is None:
        return Q()
    moment, pk = place
    # The first condition lets the index begin there.
    return Q(created_at__lte=moment) & (Q(created_at__lt=moment) | Q(pk__lt=pk))
