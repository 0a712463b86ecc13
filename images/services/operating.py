"""What whoever runs this does with many cutouts at once."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.utils import timezone

from images.models import Cutout, Status
from images.models.cutout import CutoutQuerySet
from images.queue.claims import cancel, give_back, hurry
from images.queue.workers import is_alive
from images.services.cutouts import retry_cutout
from images.services.errors import ServiceError
from processing.errors import EngineUnavailable

# Each is a transaction of its own, and whoever asked is waiting.
MAX_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Outcome:
    """rows: those that were changed, as they were before. unfit: how many were looked at and
    left as they were, because of their state. refused: how many more, by the code of the refusal.
    beyond: how many were not looked at.
    """

    rows: Sequence[Cutout]
    unfit: int
    refused: Mapping[str, int]
    beyond: int

    @property
    def changed(self) -> int:
        return len(self.rows)


def retry_many(*, cutouts: CutoutQuerySet) -> Outcome:
    """Put failed cutouts back into the queue, 500 at most.

    Unfit are those that have not failed. Refused are those whose picture is in the trash, has lost
    its original or has a newer cutout, edited ones whose matte is not kept any more, those of
    people who have used up their limit, and those of an engine that nobody has made ready here.
    """
    return _each(cutouts, _retry, Status.FAILED)


def cancel_many(*, cutouts: CutoutQuerySet) -> Outcome:
    """Fail waiting cutouts with the code "cancelled", 500 at most.

    Unfit are those that do not wait any more: what a worker has begun is never disturbed.
    """
    return _each(cutouts, cancel, Status.QUEUED)


def put_back_many(*, cutouts: CutoutQuerySet) -> Outcome:
    """Have cutouts tried soon, 500 at most: those whose worker is gone, and those told to wait.

    Unfit are those that a living worker has, and those that are next anyway.
    """
    return _each(cutouts, _put_back, Status.QUEUED, Status.RUNNING)


def _each(cutouts: CutoutQuerySet, act: Callable[[Cutout], bool], *states: Status) -> Outcome:
    fit = cutouts.filter(status__in=states).order_by("queued_at", "pk")
    total = cutouts.order_by().count()
    beyond = max(0, fit.order_by().count() - MAX_AT_ONCE)
    changed: list[Cutout] = []
    refused: Counter[str] = Counter()
    for row in list(fit[:MAX_AT_ONCE]):
        try:
            if act(row):
                changed.append(row)
        except (ServiceError, EngineUnavailable) as refusal:
            refused[refusal.code] += 1
    unfit = total - beyond - len(changed) - refused.total()
    return Outcome(rows=changed, unfit=unfit, refused=refused, beyond=beyond)


def _retry(cutout: Cutout) -> bool:
    retry_cutout(cutout=cutout)
    return True


def _put_back(cutout: Cutout) -> bool:
    if cutout.status == Status.QUEUED:
        return hurry(cutout)
    lost = cutout.lease_until is not None and cutout.lease_until < timezone.now()
    gone = is_alive(cutout.worker) is False
    return give_back(cutout) if lost or gone else False
