"""What people think of a cutout: good or bad, and why."""

from django.db.models import BooleanField, Case, Value, When
from django.utils import timezone

from images.models import Cutout, Status
from images.services.errors import CutoutNotReady
from images.services.finished import check_done
from processing.confidence import NEEDS_LOOK

MAX_REASON_LENGTH = 500


def give_feedback(*, cutout: Cutout, rating: Cutout.Rating, reason: str = "") -> Cutout:
    """Note the verdict of the cutout's owner, in place of an earlier one. Then they have looked.

    `reason`: up to 500 characters, cut there; may be empty. Raises CutoutNotReady or
    CutoutHasFailed unless the cutout is done.
    """
    changed = Cutout.objects.filter(pk=cutout.pk, status=Status.DONE).update(
        rating=rating,
        rating_reason=reason.strip()[:MAX_REASON_LENGTH],
        rated_at=timezone.now(),
        needs_look=False,
    )
    if not changed:
        check_done(cutout)
        raise CutoutNotReady  # it was done when it was read
    cutout.refresh_from_db(fields=["rating", "rating_reason", "rated_at", "needs_look"])
    return cutout


def take_back_feedback(*, cutout: Cutout) -> None:
    """As if nobody had ever judged: doubt counts again. Does nothing where nobody has."""
    doubtful = When(confidence__lt=NEEDS_LOOK, then=Value(value=True))
    Cutout.objects.filter(pk=cutout.pk).exclude(rating="").update(
        rating="",
        rating_reason="",
        rated_at=None,
        needs_look=Case(doubtful, default=Value(value=False), output_field=BooleanField()),
    )
