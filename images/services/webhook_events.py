"""What happened, written down as messages in the transaction in which it happens."""

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce
from django.urls import set_script_prefix
from django.utils import timezone
from rest_framework.utils.encoders import JSONEncoder

from images.models import (
    Batch,
    Cutout,
    Image,
    Status,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
)
from images.representations import CutoutSerializer, ImageSerializer
from images.services.batches import BatchState, batch_state
from images.services.webhooks import TESTS_AT_ONCE, hold_for_one_more

# What a test sends to one endpoint alone is none of them.
SUBSCRIBABLE = [event for event in WebhookEvent if event != WebhookEvent.TEST]
LATE_AT_MOST = timedelta(hours=1)
BATCHES_SINCE = timedelta(days=7)
BATCHES_AT_ONCE = 100

Data = dict[str, Any]


class Site:
    """Stands where serializers expect the request: addresses begin at the endpoint's site."""

    def __init__(self, origin: str) -> None:
        self._origin = origin

    def build_absolute_uri(self, path: str) -> str:
        return f"{self._origin}{path}"


def tell_cutout(*, cutout_id: UUID, event: WebhookEvent) -> None:
    """Write messages about a cutout that has just ended, and about its batch if that ends with it.

    One query for people who have no endpoint. Pictures that are kept for their own program alone
    are nobody else's business.
    """
    if not settings.WEBHOOKS:
        return
    owner = Cutout.objects.filter(pk=cutout_id).values("owner")
    endpoints = list(_locked().filter(owner__in=owner))
    if not endpoints:
        return
    cutout = _with_image().get(pk=cutout_id)
    if cutout.image.expires_at:
        return
    _write(endpoints, event, lambda site: _about(cutout, site))
    if cutout.image.batch_id:
        tell_batch(batch_id=cutout.image.batch_id, endpoints=endpoints)


def tell_batch(*, batch_id: UUID, endpoints: Sequence[WebhookEndpoint]) -> bool:
    """Write messages if the batch has ended and nobody was told yet; in a transaction.

    Two pictures that end at the same time do not see each other yet, and each would take the other
    to be under way. So the second waits for the row here, and then sees what the first has done.
    """
    batch = Batch.objects.select_for_update(no_key=True).filter(pk=batch_id).first()
    if batch is None:
        return False
    state = batch_state(batch)
    untold = Batch.objects.filter(pk=batch_id).exclude(announced=state.ended)
    if not state.finished or not untold.update(announced=state.ended):
        return False
    data = {"id": str(batch.pk), "name": batch.name, "counts": _counts(state)}
    _write(endpoints, WebhookEvent.BATCH_DONE, lambda site: data)
    return True


def tell_changed_batch(*, batch: Batch) -> bool:
    """Write messages if it has ended because no more pictures are expected, and nobody was told."""
    if not settings.WEBHOOKS:
        return False
    with transaction.atomic():
        endpoints = list(_locked().filter(owner=batch.owner_id))
        return bool(endpoints) and tell_batch(batch_id=batch.pk, endpoints=endpoints)


def tell_late_batches() -> int:
    """Batches that ended without a cutout that ends: their last picture was deleted. How many."""
    if not settings.WEBHOOKS:
        return 0
    return sum(_tell_late(batch) for batch in _late_batches())


def send_test(*, endpoint: WebhookEndpoint) -> WebhookDelivery:
    """Write a message for this endpoint alone, about the newest finished picture if there is one.

    Raises WebhooksOff, WebhookInactive, WebhookGone, TooManyByHand.
    """
    tests = Q(event=WebhookEvent.TEST)
    with transaction.atomic():
        held = hold_for_one_more(endpoint.pk, among=tests, limit=TESTS_AT_ONCE)
        newest = Image.objects.kept().filter(owner=held.owner_id).exclude(current_cutout=None)
        cutout = _with_image().filter(pk__in=newest.values("current_cutout")[:1]).first()
        about = _about(cutout, held.site) if cutout else {"image": None, "cutout": None}
        return WebhookDelivery.objects.create(
            endpoint=held,
            owner_id=held.owner_id,
            event=WebhookEvent.TEST,
            payload=_payload(WebhookEvent.TEST, {"test": True, **about}),
        )


def _active() -> QuerySet[WebhookEndpoint]:
    return WebhookEndpoint.objects.filter(disabled_at=None, owner__is_active=True)


def _locked() -> QuerySet[WebhookEndpoint]:
    """Until the messages are there, so that one that is deleted leaves none behind."""
    return _active().select_for_update(of=("self",), no_key=True).order_by("pk")


def _with_image() -> QuerySet[Cutout]:
    return Cutout.objects.select_related("image__current_cutout", "image__latest_cutout")


def _about(cutout: Cutout, site: str) -> Data:
    # Django knows it in requests and in main threads, and a cutout may also fail in another.
    set_script_prefix(settings.COOKIE_PATH)
    context = {"request": Site(site)}
    return {
        "image": ImageSerializer(cutout.image, context=context).data,
        "cutout": CutoutSerializer(cutout, context=context).data,
    }


def _counts(state: BatchState) -> dict[str, int]:
    return {
        "total": state.total,
        "done": state.done,
        "failed": state.failed,
        "needs_look": state.needs_look,
    }


def _write(
    endpoints: Sequence[WebhookEndpoint], event: WebhookEvent, data_for: Callable[[str], Data]
) -> None:
    """Messages for those that want this event; `data_for` is asked once for each site."""
    wanting = [endpoint for endpoint in endpoints if event in (endpoint.events or [event])]
    sites = {endpoint.site for endpoint in wanting}
    payloads = {site: _payload(event, data_for(site)) for site in sites}
    WebhookDelivery.objects.bulk_create(
        WebhookDelivery(
            endpoint=endpoint,
            owner_id=endpoint.owner_id,
            event=event,
            payload=payloads[endpoint.site],
        )
        for endpoint in wanting
    )


def _payload(event: str, data: Data) -> str:
    message = {"type": event, "timestamp": timezone.now(), "data": data}
    return json.dumps(message, cls=JSONEncoder, separators=(",", ":"))


def _late_batches() -> QuerySet[Batch]:
    now = timezone.now()
    under_way = Q(latest_cutout__status__in=(Status.QUEUED, Status.RUNNING))
    waiting = Image.objects.kept().filter(under_way, batch=OuterRef("pk"))
    kept = Q(images__deleted_at=None, images__expires_at=None)
    recent = Batch.objects.filter(
        Exists(_active().filter(owner=OuterRef("owner"))),
        created_at__gte=now - BATCHES_SINCE,
    )
    ended = recent.exclude(Exists(waiting)).annotate(
        kept=Count("images", filter=kept),
        last_end=Max("images__latest_cutout__finished_at"),
    )
    complete = ended.filter(kept__gte=Coalesce(F("expected"), 1), kept__gt=F("announced"))
    return complete.filter(last_end__gte=now - LATE_AT_MOST).order_by("last_end")[:BATCHES_AT_ONCE]


def _tell_late(batch: Any) -> bool:
    """Only those are told who were there when its last picture ended."""
    with transaction.atomic():
        endpoints = list(_locked().filter(owner=batch.owner_id, created_at__lte=batch.last_end))
        return bool(endpoints) and tell_batch(batch_id=batch.pk, endpoints=endpoints)
