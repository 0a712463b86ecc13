"""Other programs' addresses that are told of what happens: made, changed, switched off, tried."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from images.fetching import FetchFailed, FetchPolicy, FetchRefused, check
from images.models import Status, WebhookDelivery, WebhookEndpoint
from images.queue.claims import from_the_beginning
from images.services.errors import LimitReached, Missing, NotNow, ServiceError, WrongState
from images.services.imports import AddressRefused
from images.services.sealing import seal
from images.services.webhook_signing import make_secret

if TYPE_CHECKING:
    from accounts.models import User

MAX_ENDPOINTS = 20
MAX_ANSWER_BYTES = 64 * 1024
SEND_SECONDS = 15.0
CHECK_SECONDS = 5.0
DELIVERIES_KEPT = timedelta(days=30)
FORGOTTEN_AT_ONCE = 1000

# Of one endpoint, waiting or within a minute.
BY_HAND_WITHIN = timedelta(minutes=1)
TESTS_AT_ONCE = 10
SENT_AGAIN_AT_ONCE = 100
# Both times are taken when the row is made, one after the other.
_SENT_AGAIN = Q(queued_at__gt=F("created_at") + timedelta(seconds=1))

SWITCHED_OFF = "webhook_inactive"
SWITCHED_OFF_MESSAGE = "The webhook was switched off before this was delivered."


class WebhooksOff(ServiceError):
    code = "webhooks_off"
    message = "This server sends no webhooks."


class WebhookLimitReached(LimitReached):
    code = "webhook_limit_reached"
    message = f"You have {MAX_ENDPOINTS} webhooks, and no more are possible. Delete one first."


class WebhookInactive(WrongState):
    code = SWITCHED_OFF
    message = "This webhook is switched off. Switch it on first."


class DeliveryPending(WrongState):
    code = "delivery_pending"
    message = "This message is still on its way."


class WebhookGone(Missing):
    """Deleted a moment ago."""

    code = "webhook_gone"
    message = "This webhook has been deleted."


class TooManyByHand(NotNow):
    code = "too_many_by_hand"
    message = "So many tests and repeated messages are on their way already. Please wait a minute."
    retry_after = 60


def webhook_policy(*, seconds: float = SEND_SECONDS) -> FetchPolicy:
    """Where messages may go: to the networks that pictures may be fetched from."""
    return FetchPolicy(
        max_bytes=MAX_ANSWER_BYTES,
        seconds=seconds,
        step_seconds=seconds,
        ports=frozenset(settings.WEBHOOK_PORTS),
        networks=tuple(settings.IMPORT_NETWORKS),
    )


def make_endpoint(
    *, owner: "User", url: str, site: str, description: str = "", events: Sequence[str] = ()
) -> tuple[WebhookEndpoint, str]:
    """An endpoint and its secret, which is told only now.

    site: where addresses in messages begin, such as "https://cut.example". events: names of
    WebhookEvent, none for all of them. Raises WebhooksOff, AddressRefused, WebhookLimitReached.
    """
    _check_address(url)
    secret = make_secret()
    with transaction.atomic():
        # Locked, so that two requests at once do not both find the last free place.
        people = get_user_model()._default_manager.select_for_update(no_key=True)
        people.only("pk").get(pk=owner.pk)
        if WebhookEndpoint.objects.filter(owner_id=owner.pk).count() >= MAX_ENDPOINTS:
            raise WebhookLimitReached
        endpoint = WebhookEndpoint.objects.create(
            owner_id=owner.pk,
            url=url,
            site=site,
            description=description,
            events=list(events),
            secret=seal(secret),
        )
    return endpoint, secret


def update_endpoint(
    *,
    endpoint: WebhookEndpoint,
    url: str | None = None,
    description: str | None = None,
    events: Sequence[str] | None = None,
    active: bool | None = None,
) -> None:
    """Change what is given.

    Raises WebhooksOff, AddressRefused or WebhookGone, and then nothing has changed.
    """
    if url is not None and url != endpoint.url:
        _check_address(url)
    given = {"url": url, "description": description, "events": events}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if changes.get("url", endpoint.url) != endpoint.url and not endpoint.disabled_at:
        changes["failing_since"] = None  # that was another server
    with transaction.atomic():
        _change(endpoint, **changes)
        if active is True:
            switch_on(endpoint=endpoint)
        elif active is False:
            switch_off(endpoint=endpoint)


def rotate_secret(*, endpoint: WebhookEndpoint) -> str:
    """A new secret, told only now; everything sent from now on is signed with it.

    Raises WebhookGone.
    """
    secret = make_secret()
    _change(endpoint, secret=seal(secret))
    return secret


def delete_endpoint(*, endpoint: WebhookEndpoint) -> None:
    """With its messages, also those that are being written at this moment: for them it is locked,
    as whoever writes them locks it."""
    with transaction.atomic():
        locked = WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk=endpoint.pk)
        if found := locked.first():
            found.delete()


def switch_on(*, endpoint: WebhookEndpoint) -> None:
    """Send again what happens from now on; failures of earlier days count no more.

    Raises WebhookGone.
    """
    _change(endpoint, disabled_at=None, failing_since=None)


def switch_off(*, endpoint: WebhookEndpoint, given_up: bool = False) -> bool:
    """Send nothing more, and give up what waits. False if it was off already.

    given_up: because it fails, not because somebody wants it; `failing_since` tells the two apart.
    """
    now = timezone.now()
    since = (endpoint.failing_since or now) if given_up else None
    with transaction.atomic():
        on = WebhookEndpoint.objects.filter(pk=endpoint.pk, disabled_at=None)
        if not on.update(disabled_at=now, failing_since=since):
            return False
        endpoint.disabled_at, endpoint.failing_since = now, since
        WebhookDelivery.objects.filter(endpoint=endpoint, status=Status.QUEUED).update(
            status=Status.FAILED,
            finished_at=now,
            error_code=SWITCHED_OFF,
            error_message=SWITCHED_OFF_MESSAGE,
        )
    return True


def resend(*, delivery: WebhookDelivery) -> None:
    """Have a message sent once more, under the same identifier, as if it had never been tried.

    Raises WebhooksOff, WebhookInactive, WebhookGone, TooManyByHand, or DeliveryPending while it is
    on its way.
    """
    with transaction.atomic():
        hold_for_one_more(delivery.endpoint_id, among=_SENT_AGAIN, limit=SENT_AGAIN_AT_ONCE)
        now = timezone.now()
        ended = WebhookDelivery.objects.filter(
            pk=delivery.pk, status__in=(Status.DONE, Status.FAILED)
        )
        changed = ended.update(**from_the_beginning(now))
        if not changed:
            raise DeliveryPending
    delivery.refresh_from_db()


def hold_for_one_more(endpoint_id: UUID, *, among: Q, limit: int) -> WebhookEndpoint:
    """The endpoint, locked in the caller's transaction, if it may be sent one more message by hand.

    among: which of its messages count; those that wait or were queued within a minute.
    Raises WebhooksOff, WebhookInactive, WebhookGone, TooManyByHand.
    """
    if not settings.WEBHOOKS:
        raise WebhooksOff
    endpoint = WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk=endpoint_id).first()
    if endpoint is None:
        raise WebhookGone
    if endpoint.disabled_at:
        raise WebhookInactive
    under_way = Q(status__in=(Status.QUEUED, Status.RUNNING))
    recent = Q(queued_at__gte=timezone.now() - BY_HAND_WITHIN)
    counted = WebhookDelivery.objects.filter(among, under_way | recent, endpoint=endpoint)
    if counted.count() >= limit:
        raise TooManyByHand
    return endpoint


def forget_deliveries() -> int:
    """Delete rows that ended so long ago that nobody will ask for them. Returns how many."""
    limit = timezone.now() - DELIVERIES_KEPT
    old = WebhookDelivery.objects.filter(finished_at__lt=limit).values_list("pk", flat=True)
    chosen = list(old[:FORGOTTEN_AT_ONCE])
    return WebhookDelivery.objects.filter(pk__in=chosen).delete()[0]


def _change(endpoint: WebhookEndpoint, **changes: Any) -> None:
    if changes and not WebhookEndpoint.objects.filter(pk=endpoint.pk).update(**changes):
        raise WebhookGone
    for name, value in changes.items():
        setattr(endpoint, name, value)


def _check_address(url: str) -> None:
    if not settings.WEBHOOKS:
        raise WebhooksOff
    try:
        check(url, webhook_policy(seconds=CHECK_SECONDS))
    except (FetchRefused, FetchFailed) as error:
        raise AddressRefused(error.reason) from error
