"""What a person keeps here and has had done, beside what they may."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils import timezone

from images.models import MonthlyUsage, Usage
from images.services.quotas import month_of

if TYPE_CHECKING:
    from accounts.models import User


@dataclass(frozen=True, slots=True)
class Used:
    """images: pictures, those in the trash included. bytes: of their originals, and of backdrops.
    cutouts_this_month: finished or under way; failed ones and edited mattes do not count.
    """

    images: int
    bytes: int
    cutouts_this_month: int


@dataclass(frozen=True, slots=True)
class Limits:
    """None: no limit."""

    images: int | None
    bytes: int | None
    cutouts_per_month: int | None


def usage_of(user: "User") -> Used:
    """Read from the counters: two rows, however many pictures there are."""
    kept = Usage.objects.filter(owner_id=user.pk).first() or Usage()
    month = month_of(timezone.now())
    cutouts = MonthlyUsage.objects.filter(owner_id=user.pk, month=month)
    return Used(
        images=kept.images,
        bytes=kept.bytes,
        cutouts_this_month=cutouts.values_list("cutouts", flat=True).first() or 0,
    )


def limits_of(user: "User") -> Limits:
    return Limits(
        images=user.max_images,
        bytes=user.max_bytes,
        cutouts_per_month=user.max_cutouts_per_month,
    )
