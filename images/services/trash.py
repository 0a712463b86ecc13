"""Moving pictures to the trash and back, and deleting them for good."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from images.models import Image
from images.models.image import ImageQuerySet

CHUNK = 100


def move_to_trash(*, images: ImageQuerySet) -> int:
    """Hide the pictures; they can be restored for TRASH_DAYS days. Returns how many."""
    return images.kept().update(deleted_at=timezone.now())


def restore(*, images: ImageQuerySet) -> int:
    return images.in_trash().update(deleted_at=None)


def purge(*, images: ImageQuerySet) -> int:
    """Delete rows and files for good. Returns how many pictures."""
    count = 0
    while batch := list(images.order_by().values_list("pk", flat=True)[:CHUNK]):
        with transaction.atomic():
            # Asked again in here: one that was just restored is not in `images` any more.
            _total, by_model = images.order_by().filter(pk__in=batch).delete()
        count += by_model.get("images.Image", 0)
    return count


def purge_expired() -> int:
    """Delete what has been in the trash for longer than TRASH_DAYS days."""
    limit = timezone.now() - timedelta(days=settings.TRASH_DAYS)
    return purge(images=Image.objects.filter(deleted_at__lt=limit))
