"""What belongs to the end of a cutout, in the transaction that ends it."""

from typing import Any

from django.dispatch import receiver

from images.models import Cutout
from images.queue.claims import finished
from images.services.showing import show_finished


@receiver(finished, sender=Cutout)
def show(pk: Any, **kwargs: Any) -> None:
    show_finished(Cutout.objects.only("image_id", "created_at").get(pk=pk))
