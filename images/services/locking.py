"""The order in which rows are held, so that no two transactions wait for each other.

Picture, cutout, endpoints of webhooks, batch, cutouts of the month, usage; of several pictures, by
their keys. Whoever puts a picture into a batch holds the batch first: nobody else sees that picture
yet. SQLite has one writer at a time anyway.
"""

from collections.abc import Iterable
from uuid import UUID

from images.models import Image


def hold_images(image_ids: Iterable[UUID]) -> None:
    """Hold those that are still there until the caller's transaction ends."""
    rows = Image.objects.filter(pk__in=list(image_ids)).order_by("pk")
    list(rows.select_for_update().values_list("pk"))
