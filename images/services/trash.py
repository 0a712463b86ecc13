"""Moving pictures to the trash and back, and deleting them for good."""

from datetime import timedelta
from math import inf
from time import monotonic
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from images.models import Image
from images.models.image import EMPTIED, ImageQuerySet
from images.services.locking import hold_images
from images.services.tags import delete_unused, tags_on

if TYPE_CHECKING:
    from accounts.models import User

CHUNK = 100
QUICK_SECONDS = 1.0
SWEEP_SECONDS = 60.0


def move_to_trash(*, images: ImageQuerySet) -> int:
    """Hide the pictures; they can be restored for TRASH_DAYS days. Returns how many."""
    return images.kept().update(deleted_at=timezone.now())


def restore(*, images: ImageQuerySet) -> int:
    return images.in_trash().update(deleted_at=None)


def empty_trash(*, owner: "User") -> int:
    """Take everything out of a person's trash for good. Returns how many pictures.

    They are gone from every page at once; what cannot be deleted in a second, the sweep deletes.
    """
    own = Image.objects.filter(owner=owner)
    count = own.in_trash().update(deleted_at=EMPTIED)
    purge(images=own.filter(deleted_at=EMPTIED), until=monotonic() + QUICK_SECONDS)
    return count


def purge(*, images: ImageQuerySet, until: float = inf) -> int:
    """Delete rows and files for good. Returns how many pictures.

    They go in chunks, each of which is committed; none is begun when it is later than `until` on
    the monotonic clock.
    """
    count = 0
    identifiers = images.order_by().values_list("pk", flat=True)
    while monotonic() < until and (batch := list(identifiers[:CHUNK])):
        with transaction.atomic():
            # First, as whoever tags or finishes them does; the tags on them stay as they are, too.
            hold_images(batch)
            # Asked again in here: one that was just restored is not in `images` any more.
            tags = tags_on(batch)
            _total, by_model = images.order_by().filter(pk__in=batch).delete()
        delete_unused(tags)
        count += by_model.get("images.Image", 0)
    return count


def purge_expired() -> int:
    """Delete what has been in the trash for longer than TRASH_DAYS days, for some seconds."""
    limit = timezone.now() - timedelta(days=settings.TRASH_DAYS)
    expired = Image.objects.filter(deleted_at__lt=limit)
    return purge(images=expired, until=monotonic() + SWEEP_SECONDS)
