"""Requests that are sent again with the same key: done once, answered as often as asked."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from images.models import IdempotentRequest

if TYPE_CHECKING:
    from uuid import UUID

    from accounts.models import User

KEPT = timedelta(hours=24)
# No answer takes so long: the process that was to give it has ended.
GIVEN_UP_AFTER = timedelta(minutes=3)
TRIES = 5


class KeyReused(Exception):
    """The key came with another request before."""


class InProgress(Exception):
    """The first request with this key is being answered."""


@dataclass(frozen=True, slots=True)
class Answer:
    """location: of what was made; empty if that was not told."""

    status: int
    body: Any
    location: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """The right to answer a request; lost when somebody else took it for given up."""

    row_id: int
    begun: datetime


def begin_request(*, owner: "User", key: str, fingerprint: str) -> Turn | Answer:
    """The turn to answer this request, or what was answered before. Raises KeyReused, InProgress.

    No transaction stays open: the row alone says that the request is being answered.
    """
    for _try in range(TRIES):
        if turn := _insert(owner.pk, key, fingerprint):
            return turn
        row = IdempotentRequest.objects.filter(owner=owner, key=key).first()
        if row is None or _forget(row):
            continue  # gone just now
        if row.fingerprint != fingerprint:
            raise KeyReused
        if row.status_code is not None:
            return Answer(row.status_code, row.body, row.location)
        if turn := _take_over(row):
            return turn
        break
    raise InProgress


def keep_answer(turn: Turn, answer: Answer) -> bool:
    """False if somebody else has the turn by now."""
    fields = {"status_code": answer.status, "body": answer.body, "location": answer.location}
    return bool(_own(turn).update(**fields))


def end_unanswered(turn: Turn) -> None:
    """Forget the request: sent again, it is done again."""
    _own(turn).delete()


def forget_old_requests() -> int:
    """Delete what was asked more than a day ago. Returns how many."""
    old = IdempotentRequest.objects.filter(created_at__lt=timezone.now() - KEPT)
    return old.delete()[0]


def _insert(owner_id: "UUID", key: str, fingerprint: str) -> Turn | None:
    row = IdempotentRequest(owner_id=owner_id, key=key, fingerprint=fingerprint)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        return None
    return Turn(row.pk, row.created_at)


def _forget(row: IdempotentRequest) -> bool:
    """Whether the row was too old to count, and is gone."""
    if row.created_at > timezone.now() - KEPT:
        return False
    _own(Turn(row.pk, row.created_at), answered=True).delete()
    return True


def _take_over(row: IdempotentRequest) -> Turn | None:
    """One conditional UPDATE: of all who see that it was given up, one gets it."""
    now = timezone.now()
    if row.created_at > now - GIVEN_UP_AFTER:
        return None
    taken = _own(Turn(row.pk, row.created_at)).update(created_at=now)
    return Turn(row.pk, now) if taken else None


def _own(turn: Turn, *, answered: bool = False) -> Any:
    rows = IdempotentRequest.objects.filter(pk=turn.row_id, created_at=turn.begun)
    return rows if answered else rows.filter(status_code=None)
