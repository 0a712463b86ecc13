"""Batches: pictures that belong together, counted by what became of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Q

from images.models import Batch, Image, Status
from images.models.image import ImageQuerySet
from images.services.errors import Missing

if TYPE_CHECKING:
    from accounts.models import User


class BatchGone(Missing):
    """Deleted a moment ago."""

    code = "batch_gone"
    message = "This batch has been deleted."


_WAITS = Q(latest_cutout__status=Status.QUEUED)
_RUNS = Q(latest_cutout__status=Status.RUNNING)
_DONE = Q(current_cutout__isnull=False) & ~_WAITS & ~_RUNS


@dataclass(frozen=True, slots=True)
class BatchState:
    """Pictures of a batch by state, those in the trash left out.

    As in lists of pictures: work under way comes first, then a cutout to show, then the failure.
    needs_look: those of the done ones whose cutout somebody should look at.
    """

    total: int = 0
    queued: int = 0
    running: int = 0
    done: int = 0
    failed: int = 0
    needs_look: int = 0
    expected: int | None = None

    @property
    def ended(self) -> int:
        """Pictures of which nothing is under way."""
        return self.done + self.failed

    @property
    def finished(self) -> bool:
        """Nothing is under way, and as many pictures have ended as were expected, or one."""
        return self.ended == self.total and self.ended >= max(1, self.expected or 0)


def create_batch(*, owner: "User", name: str = "", expected: int | None = None) -> Batch:
    return Batch.objects.create(owner=owner, name=name, expected=expected)


def change_batch(*, batch: Batch, **fields: str | int | None) -> None:
    """fields: `name` and `expected`, or one of them. Raises BatchGone."""
    if fields and not Batch.objects.filter(pk=batch.pk).update(**fields):
        raise BatchGone
    for name, value in fields.items():
        setattr(batch, name, value)


def delete_batch(*, batch: Batch) -> None:
    """The pictures stay, also those that come in at this moment. Raises BatchGone."""
    while not _delete(batch.pk):
        pass


def _delete(batch_id: UUID) -> bool:
    """False, and nothing deleted, if a picture that has just come in is being finished."""
    pictures = Image.objects.filter(batch=batch_id).order_by("pk")
    with transaction.atomic():
        # Before the batch, as whoever finishes a picture does: else the two could deadlock.
        _let_go(pictures.select_for_update())
        # Waits for those who put pictures in; whoever comes later finds it gone.
        if not Batch.objects.select_for_update().filter(pk=batch_id).values_list("pk"):
            raise BatchGone
        _let_go(pictures.select_for_update(skip_locked=True))
        if pictures.exists():
            return False
        Batch.objects.filter(pk=batch_id).delete()
    return True


def _let_go(held: ImageQuerySet) -> None:
    Image.objects.filter(pk__in=list(held.values_list("pk", flat=True))).update(batch=None)


def batch_state(batch: Batch) -> BatchState:
    """In one query."""
    return batch_states([batch])[batch.pk]


def batch_states(batches: Iterable[Batch]) -> dict[UUID, BatchState]:
    """Of each batch, in one query for all of them."""
    expected = {batch.pk: batch.expected for batch in batches}
    counted = (
        Image.objects.kept()
        .filter(batch__in=expected)
        .order_by()
        .values("batch_id")
        .annotate(
            total=Count("pk"),
            queued=Count("pk", filter=_WAITS),
            running=Count("pk", filter=_RUNS),
            done=Count("pk", filter=_DONE),
            needs_look=Count("pk", filter=_DONE & Q(current_cutout__needs_look=True)),
        )
    )
    states = {
        row["batch_id"]: BatchState(
            total=row["total"],
            queued=row["queued"],
            running=row["running"],
            done=row["done"],
            failed=row["total"] - row["queued"] - row["running"] - row["done"],
            needs_look=row["needs_look"],
            expected=expected[row["batch_id"]],
        )
        for row in counted
    }
    return {pk: states.get(pk, BatchState(expected=number)) for pk, number in expected.items()}


def images_of(batch: Batch) -> ImageQuerySet:
    """What an archive of the batch holds, and what can be tried again."""
    return Image.objects.kept().filter(batch=batch, owner_id=batch.owner_id)
