"""What belongs to the end of a cutout, in the transaction that ends it."""

from typing import Any

from django.dispatch import receiver

from images.models import Cutout, WebhookEvent
from images.queue.claims import failed, finished
from images.services.showing import show_finished
from images.services.webhook_events import tell_cutout


@receiver(finished, sender=Cutout)
def show_and_tell(pk: Any, **kwargs: Any) -> None:
    show_finished(Cutout.objects.only("image_id", "created_at").get(pk=pk))
    tell_cutout(cutout_id=pk, event=WebhookEvent.CUTOUT_DONE)


@receiver(failed, sender=Cutout)
def tell_failed(pk: Any, **kwargs: Any) -> None:
    tell_cutout(cutout_id=pk, event=WebhookEvent.CUTOUT_FAILED)
