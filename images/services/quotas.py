"""What a person may keep and have done. Limits are fields of the user; None means no limit.

Counters are rows. Each change is one UPDATE with the limit in its condition, so the limit holds
however many uploads arrive at once, and costs no lock beyond that of the row.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, TypeVar

from django.db.models import F, Model, QuerySet
from django.db.models.functions import Greatest
from django.utils import timezone

from images.models import Cutout, MonthlyUsage, Usage
from images.services.errors import LimitReached

if TYPE_CHECKING:
    from uuid import UUID

    from accounts.models import User

Row = TypeVar("Row", bound=Model)


class ImageLimitReached(LimitReached):
    code = "image_limit_reached"
    message = (
        "You keep as many pictures here as your account allows. "
        "Delete some for good, or ask the administrator for more."
    )


class StorageLimitReached(LimitReached):
    code = "storage_limit_reached"
    message = (
        "This picture would take more room than your account has left. "
        "Delete some pictures for good, or ask the administrator for more."
    )


class CutoutLimitReached(LimitReached):
    code = "cutout_limit_reached"
    message = (
        "You have used up this month's cutouts. There will be new ones next month; "
        "the administrator can give you more before."
    )


def month_of(moment: datetime) -> date:
    """First day of the month that `moment` counts in, in the installation's time zone."""
    return timezone.localtime(moment).date().replace(day=1)


def take_image(*, owner: "User", byte_size: int) -> None:
    """Count one more picture of `byte_size` bytes, in the caller's transaction.

    Raises ImageLimitReached or StorageLimitReached, and then nothing is counted.
    """
    rows = Usage.objects.filter(owner_id=owner.pk)
    room = rows
    if owner.max_images is not None:
        room = room.filter(images__lt=owner.max_images)
    if owner.max_bytes is not None:
        room = room.filter(bytes__lte=owner.max_bytes - byte_size)
    counted = {"images": F("images") + 1, "bytes": F("bytes") + byte_size}
    if _count(rows, room, Usage(owner_id=owner.pk), counted):
        return
    full = owner.max_images is not None and rows.filter(images__gte=owner.max_images).exists()
    raise ImageLimitReached if full else StorageLimitReached


def take_bytes(*, owner: "User", byte_size: int) -> None:
    """Count `byte_size` bytes more that belong to no picture, in the caller's transaction.

    Raises StorageLimitReached, and then nothing is counted.
    """
    rows = Usage.objects.filter(owner_id=owner.pk)
    room = rows
    if owner.max_bytes is not None:
        room = rows.filter(bytes__lte=owner.max_bytes - byte_size)
    if not _count(rows, room, Usage(owner_id=owner.pk), {"bytes": F("bytes") + byte_size}):
        raise StorageLimitReached


def give_back_image(*, owner_id: "UUID", byte_size: int) -> None:
    """Count one picture of `byte_size` bytes less; a counter never stops a deletion."""
    Usage.objects.filter(owner_id=owner_id).update(
        images=Greatest(F("images") - 1, 0), bytes=Greatest(F("bytes") - byte_size, 0)
    )


def give_back_bytes(*, owner_id: "UUID", byte_size: int) -> None:
    """Count `byte_size` bytes less: of an original whose picture stays, or of a backdrop."""
    Usage.objects.filter(owner_id=owner_id).update(bytes=Greatest(F("bytes") - byte_size, 0))


def take_cutout(*, owner: "User", at: datetime) -> None:
    """Count one more cutout in the month of `at`, in the caller's transaction.

    Raises CutoutLimitReached, and then nothing is counted.
    """
    month = month_of(at)
    rows = MonthlyUsage.objects.filter(owner_id=owner.pk, month=month)
    room = rows
    if owner.max_cutouts_per_month is not None:
        room = rows.filter(cutouts__lt=owner.max_cutouts_per_month)
    fresh = MonthlyUsage(owner_id=owner.pk, month=month)
    if not _count(rows, room, fresh, {"cutouts": F("cutouts") + 1}):
        raise CutoutLimitReached


def give_back_cutout(cutout: Cutout) -> None:
    """Count `cutout` no more: it failed, or went before it was done. Edited ones never counted."""
    if cutout.kind == Cutout.Kind.EDITED:
        return
    MonthlyUsage.objects.filter(
        owner_id=cutout.owner_id, month=month_of(cutout.queued_at), cutouts__gt=0
    ).update(cutouts=F("cutouts") - 1)


def _count(
    rows: QuerySet[Row], room: QuerySet[Row], fresh: Row, counted: Mapping[str, object]
) -> bool:
    """Apply `counted` to the row if there is `room`; False if there is none.

    The row is made at its first use, by whoever comes first.
    """
    if room.update(**counted):
        return True
    if not rows.exists():
        type(fresh)._default_manager.bulk_create([fresh], ignore_conflicts=True)
    # Once more in any case: somebody may have made the row between the first two questions.
    return bool(room.update(**counted))
