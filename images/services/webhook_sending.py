"""One message on its way to one endpoint, and what its failures lead to."""

import secrets
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from time import perf_counter

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from images.fetching import FetchFailed, FetchRefused, post
from images.models import Status, WebhookDelivery, WebhookEndpoint
from images.queue.claims import Claim, fail, finish, put_back
from images.queue.errands import THREADS, Errand
from images.services.sealing import Unsealable, unseal
from images.services.webhook_signing import signed_headers
from images.services.webhooks import (
    SWITCHED_OFF,
    SWITCHED_OFF_MESSAGE,
    switch_off,
    webhook_policy,
)

# Seconds after the first, second, ... failure: a day in all.
DELAYS = (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 7 * 3600, 9 * 3600)
JITTER = 0.1
MAX_RETRY_AFTER = 6 * 3600
ATTEMPTS_KEPT = 20
GIVEN_UP_AFTER = timedelta(days=3)
# So that one endpoint, or one person, that keeps threads waiting leaves some to the others.
PER_ENDPOINT = 2
PER_OWNER = THREADS - 1

NOT_DELIVERED = "not_delivered"
UNREADABLE = "unreadable_secret"
UNREADABLE_MESSAGE = (
    "The secret of this webhook cannot be read any more, because the key of this server was "
    "changed. Make a new secret."
)
GONE = 410
SLOW_DOWN = (429, 503)


@dataclass(frozen=True, slots=True)
class Outcome:
    """status: None if none came back. error: a plain sentence, empty for success.
    retry_after: seconds that the other server asks for.
    """

    status: int | None
    error: str
    retry_after: float = 0


def deliveries() -> Errand:
    return Errand(WebhookDelivery, deliver, may_begin)


def may_begin() -> Q:
    """Messages that would not make too many at once for their endpoint, or for their owner."""
    running = WebhookDelivery.objects.filter(
        status=Status.RUNNING, lease_until__gte=timezone.now()
    ).values_list("endpoint", "owner")
    rows = list(running)
    endpoints = [pk for pk, n in Counter(row[0] for row in rows).items() if n >= PER_ENDPOINT]
    owners = [pk for pk, n in Counter(row[1] for row in rows).items() if n >= PER_OWNER]
    return ~Q(endpoint__in=endpoints) & ~Q(owner__in=owners)


def deliver(delivery: WebhookDelivery, claim: Claim) -> None:
    """Send one message once. The row ends done or failed, or waits for the next try."""
    endpoint = (
        WebhookEndpoint.objects.select_related("owner").filter(pk=delivery.endpoint_id).first()
    )
    if endpoint is None:  # and its rows with it
        return
    if endpoint.disabled_at or not endpoint.owner.is_active:
        fail(WebhookDelivery, claim, SWITCHED_OFF, SWITCHED_OFF_MESSAGE)
        return
    try:
        secret = unseal(endpoint.secret)
    except Unsealable:
        fail(WebhookDelivery, claim, UNREADABLE, UNREADABLE_MESSAGE)
        return
    at, began = timezone.now(), perf_counter()
    outcome = _send(delivery, endpoint, secret, at)
    seconds = perf_counter() - began
    with transaction.atomic():
        # First, as whoever deletes it or switches it off does: else each could wait for the other.
        locked = WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk=endpoint.pk)
        found = locked.first()
        if found and _note(delivery, claim, outcome, at, seconds):
            _conclude(delivery, found, claim, outcome)


def _send(
    delivery: WebhookDelivery, endpoint: WebhookEndpoint, secret: str, at: datetime
) -> Outcome:
    headers = signed_headers(
        secret=secret, delivery_id=delivery.pk, at=at, payload=delivery.payload
    )
    try:
        answer = post(
            endpoint.url,
            webhook_policy(),
            body=delivery.payload.encode(),
            headers={"Content-Type": "application/json", **headers},
        )
    except (FetchRefused, FetchFailed) as error:
        return Outcome(None, error.reason)
    if 200 <= answer.status < 300:
        return Outcome(answer.status, "")
    asked = read_retry_after(answer.retry_after, at) if answer.status in SLOW_DOWN else 0
    return Outcome(answer.status, f"The other server answered with {answer.status}.", asked)


def _note(
    delivery: WebhookDelivery, claim: Claim, outcome: Outcome, at: datetime, seconds: float
) -> bool:
    """Write down what came of it. False if somebody else has the row by now."""
    attempt = {
        "at": at.isoformat(),
        "status": outcome.status,
        "error": outcome.error,
        "ms": round(seconds * 1000),
    }
    held = WebhookDelivery.objects.filter(
        pk=delivery.pk, status=Status.RUNNING, claims=claim.number, worker=claim.worker
    )
    attempts = [*delivery.attempts, attempt][-ATTEMPTS_KEPT:]
    return bool(held.update(attempts=attempts, response_status=outcome.status))


def _conclude(
    delivery: WebhookDelivery, endpoint: WebhookEndpoint, claim: Claim, outcome: Outcome
) -> None:
    switched_on = WebhookEndpoint.objects.filter(pk=endpoint.pk, disabled_at=None)
    if not outcome.error:
        finish(WebhookDelivery, claim, error_code="", error_message="")
        switched_on.exclude(failing_since=None).update(failing_since=None)
        return
    if outcome.status == GONE:
        fail(WebhookDelivery, claim, NOT_DELIVERED, outcome.error)
        switch_off(endpoint=endpoint, given_up=True)
        return
    put_back(
        WebhookDelivery,
        claim,
        delay=_delay(delivery.failures, outcome),
        code=NOT_DELIVERED,
        message=outcome.error,
        final_code=NOT_DELIVERED,
    )
    switched_on.filter(failing_since=None).update(failing_since=timezone.now())
    if endpoint.failing_since and timezone.now() - endpoint.failing_since > GIVEN_UP_AFTER:
        switch_off(endpoint=endpoint, given_up=True)


def _delay(failures: int, outcome: Outcome) -> float:
    """Seconds until the next try, after `failures` earlier ones; spread, so that messages that
    failed together do not all come back together.
    """
    usual = DELAYS[min(failures, len(DELAYS) - 1)]
    spread = secrets.SystemRandom().uniform(1 - JITTER, 1 + JITTER)
    return max(usual * spread, min(outcome.retry_after, MAX_RETRY_AFTER))


def read_retry_after(text: str, now: datetime) -> float:
    """Seconds that a Retry-After header asks for: a number, or a date. 0 if it says neither."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, (moment - now).total_seconds())
    except (ValueError, TypeError, OverflowError, IndexError):
        return 0
