"""The queue at a glance, in a handful of queries, for the admin site and /readyz."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, Q
from django.utils import timezone

from images.models import Lane, LeasedRow, Status, WorkerProcess
from images.queue.claims import expired
from images.queue.turns import ANY_ROW


@dataclass(frozen=True, slots=True)
class QueueReport:
    """depth: queued rows by lane. oldest_wait: how long the first of those that could begin has
    been waiting. running: rows that somebody holds, longest first. expired: how many of those
    outlived their lease.
    """

    depth: dict[Lane, int]
    oldest_wait: timedelta | None
    running: Sequence[LeasedRow]
    workers: Sequence[WorkerProcess]
    expired: int

    def held_by(self, worker: WorkerProcess) -> list[LeasedRow]:
        return [row for row in self.running if row.worker == worker.pk]


def report_queue(model: type[LeasedRow]) -> QueueReport:
    """Four queries, however long the queue is."""
    now = timezone.now()
    running = list(model._default_manager.filter(status=Status.RUNNING).order_by("started_at"))
    return QueueReport(
        depth=_depth(model),
        oldest_wait=oldest_wait(model, now),
        running=running,
        workers=list(WorkerProcess.objects.all()),
        expired=sum(row.lease_until is not None and row.lease_until < now for row in running),
    )


def _depth(model: type[LeasedRow]) -> dict[Lane, int]:
    queued = model._default_manager.filter(status=Status.QUEUED).order_by()
    counts = dict(queued.values_list("lane").annotate(Count("pk")))
    return {lane: counts.get(lane, 0) for lane in Lane}


def oldest_wait(model: type[LeasedRow], now: datetime, among: Q = ANY_ROW) -> timedelta | None:
    """How long the row that came first has been waiting, of those like `among` that could begin."""
    waiting = model._default_manager.filter(among, status=Status.QUEUED, not_before__lte=now)
    oldest = waiting.aggregate(oldest=Min("queued_at"))["oldest"]
    return now - oldest if oldest else None


def count_lost(model: type[LeasedRow], before: datetime) -> int:
    """Rows whose lease ran out before then, and that nobody has taken over."""
    return expired(model, before).count()
