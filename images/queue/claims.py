"""Taking a row and giving it up. Every change is one UPDATE that names the claim it is about."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.dispatch import Signal
from django.utils import timezone

from images.models import LeasedRow, Status
from images.models.leased import eligible_at
from images.queue import turns
from images.queue.turns import ANY_ROW
from images.queue.wakeups import wake

Row = TypeVar("Row", bound=LeasedRow)

LEASE = timedelta(seconds=30)
MAX_BACK_OFF = 10

TOO_MANY_ATTEMPTS = "too_many_attempts"
CANCELLED = "cancelled"
WORKER_LOST = "worker_lost"
WORKER_LOST_MESSAGE = "The worker process that had this ended before it was done."


# Sent in the transaction in which a row becomes DONE or FAILED, with `sender` (the model) and `pk`.
finished = Signal()
failed = Signal()


@dataclass(frozen=True, slots=True)
class Claim:
    """One attempt at one row, and who makes it."""

    row_id: Any
    number: int
    worker: str


def claim_next(model: type[Row], *, worker: str, among: Q = ANY_ROW) -> tuple[Row, Claim] | None:
    """Take the row whose turn it is, of those like `among`; None once nothing is eligible.

    Rows that used up their attempts fail on the way.
    """
    while (row := turns.next_row(model, timezone.now(), among)) is not None:
        if is_used_up(row):
            fail_used_up(row)
        elif claim := _take(row, worker):
            return row, claim
    return None


def finish(model: type[LeasedRow], claim: Claim, **fields: Any) -> bool:
    """RUNNING -> DONE, with `fields`. False if somebody else has the row by now."""
    values = {"status": Status.DONE, "finished_at": timezone.now(), "lease_until": None}
    with transaction.atomic():
        changed = _held(model, claim).update(**values | fields)
        if changed:
            finished.send(sender=model, pk=claim.row_id)
    return bool(changed)


def fail(model: type[LeasedRow], claim: Claim, code: str, message: str) -> bool:
    """RUNNING -> FAILED, for good. False if somebody else has the row by now."""
    return _fail(_held(model, claim), claim.row_id, code, message)


def renew(model: type[LeasedRow], claim: Claim) -> bool:
    """Hold the row for another lease. False if somebody else has it by now."""
    return bool(_held(model, claim).update(lease_until=timezone.now() + LEASE))


def put_back(
    model: type[LeasedRow],
    claim: Claim,
    *,
    delay: float,
    code: str,
    message: str,
    count_failure: bool = True,
    final_code: str = TOO_MANY_ATTEMPTS,
) -> bool:
    """RUNNING -> QUEUED, to be tried again after `delay` seconds.

    `count_failure`: this attempt failed, and after `max_failures` of those the row is FAILED, with
    `final_code`.
    Otherwise the attempt never took place: the claim is taken back as well, so that a row can
    wait for as long as it takes. False if somebody else has the row by now.
    """
    held = _held(model, claim)
    if count_failure and _fail(
        held.filter(failures__gte=model.max_failures - 1),
        claim.row_id,
        final_code,
        f"Tried {model.max_failures} times without success. {message}",
        failures=F("failures") + 1,
    ):
        return True
    counts = {"failures": F("failures") + 1} if count_failure else {"claims": F("claims") - 1}
    with transaction.atomic():
        changed = held.update(**_queued(delay, code, message), **counts)
        if changed:
            _wake(model, delay)
    return bool(changed)


def postpone(model: type[LeasedRow], *, delay: float, code: str, message: str, **which: Any) -> int:
    """Have all waiting rows like `which` wait for `delay` seconds more. Returns how many.

    For what stands in the way of all of them: trying one at a time would keep a worker busy
    for as long as the obstacle is there.
    """
    now = timezone.now()
    waiting = model._default_manager.filter(status=Status.QUEUED, not_before__lte=now, **which)
    with transaction.atomic():
        changed = waiting.update(**_queued(delay, code, message))
        if changed:
            _wake(model, delay)
    return changed


def give_back(row: LeasedRow) -> bool:
    """RUNNING -> QUEUED for a row whose worker is gone, as it was when `row` was read."""
    lost = row.claims - row.failures
    delay = min(2**lost, MAX_BACK_OFF)
    with transaction.atomic():
        changed = _unchanged(row).update(**_queued(delay, WORKER_LOST, WORKER_LOST_MESSAGE))
        if changed:
            _wake(type(row), delay)
    return bool(changed)


def hurry(row: LeasedRow) -> bool:
    """Have a row that waits for a later time be eligible now. False if it does not wait."""
    now = timezone.now()
    with transaction.atomic():
        changed = (
            _unchanged(row).filter(status=Status.QUEUED, not_before__gt=now).update(not_before=now)
        )
        if changed:
            _wake(type(row))
    return bool(changed)


def from_the_beginning(now: datetime) -> dict[str, Any]:
    """The fields of a row that has ended and is to be done again, as if it had never been tried."""
    return {
        "status": Status.QUEUED,
        "claims": 0,
        "failures": 0,
        "error_code": "",
        "error_message": "",
        "queued_at": now,
        "not_before": now,
        "started_at": None,
        "finished_at": None,
    }


def is_used_up(row: LeasedRow) -> bool:
    return row.claims >= row.max_claims or row.failures >= row.max_failures


def fail_used_up(row: LeasedRow) -> bool:
    """FAILED for a row with no attempts left, as it was when `row` was read."""
    message = "This was given up: the worker processes that tried it ended each time."
    if row.failures >= row.max_failures:
        message = f"Tried {row.failures} times without success. {row.error_message}".strip()
    return _fail(_unchanged(row), row.pk, TOO_MANY_ATTEMPTS, message)


def cancel(row: LeasedRow) -> bool:
    """QUEUED -> FAILED, because somebody decided so. False if it is not waiting any more."""
    return refuse(row, CANCELLED, "An administrator cancelled this cutout.")


def refuse(row: LeasedRow, code: str, message: str) -> bool:
    """QUEUED -> FAILED without a try. False if it is not waiting any more."""
    return _fail(_unchanged(row).filter(status=Status.QUEUED), row.pk, code, message)


def _take(row: LeasedRow, worker: str) -> Claim | None:
    """The conditional UPDATE: the row must be as it was read, and still eligible."""
    now = timezone.now()
    taken: dict[str, Any] = {
        "status": Status.RUNNING,
        "claims": row.claims + 1,
        "lease_until": now + LEASE,
        "worker": worker,
        "started_at": now,
    }
    if not _unchanged(row).filter(eligible_at(now)).update(**taken):
        return None
    for name, value in taken.items():
        setattr(row, name, value)
    return Claim(row.pk, row.claims, worker)


def _held(model: type[LeasedRow], claim: Claim) -> QuerySet[LeasedRow]:
    return model._default_manager.filter(
        pk=claim.row_id, status=Status.RUNNING, claims=claim.number, worker=claim.worker
    )


def _unchanged(row: LeasedRow) -> QuerySet[LeasedRow]:
    return type(row)._default_manager.filter(
        pk=row.pk, status=row.status, claims=row.claims, worker=row.worker
    )


def _wake(model: type[LeasedRow], delay: float = 0) -> None:
    if model.wakes_workers:
        wake(delay=delay)


def _queued(delay: float, code: str, message: str) -> dict[str, Any]:
    return {
        "status": Status.QUEUED,
        "not_before": timezone.now() + timedelta(seconds=delay),
        "lease_until": None,
        "worker": "",
        "error_code": code,
        "error_message": message,
    }


def _fail(rows: QuerySet[Row], pk: Any, code: str, message: str, **changes: Any) -> bool:
    """FAILED for the row `pk` if it is among `rows`."""
    values: dict[str, Any] = {
        "status": Status.FAILED,
        "finished_at": timezone.now(),
        "lease_until": None,
        "error_code": code,
        "error_message": message,
    }
    with transaction.atomic():
        changed = rows.update(**values | changes)
        if changed:
            failed.send(sender=rows.model, pk=pk)
    return bool(changed)


def expired(model: type[LeasedRow], now: datetime) -> QuerySet[LeasedRow]:
    """Rows whose worker stopped renewing its lease."""
    return model._default_manager.filter(status=Status.RUNNING, lease_until__lt=now)
