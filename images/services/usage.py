"""What a person keeps here and has had done."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count, Sum
from django.utils import timezone

from images.models import Cutout, Image, Status

if TYPE_CHECKING:
    from accounts.models import User


@dataclass(frozen=True, slots=True)
class Usage:
    images: int
    bytes: int
    cutouts_this_month: int


def usage_of(user: "User") -> Usage:
    """Pictures with those in the trash, bytes of their originals, cutouts finished this month."""
    kept = Image.objects.filter(owner=user).aggregate(images=Count("pk"), bytes=Sum("byte_size"))
    month = timezone.localtime().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    cutouts = Cutout.objects.filter(owner=user, status=Status.DONE, finished_at__gte=month).count()
    return Usage(images=kept["images"], bytes=kept["bytes"] or 0, cutouts_this_month=cutouts)
