"""Putting right what fell through: rows of dead workers, lost wake-ups, forgotten processes."""

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from images.models import LeasedRow, Status, WorkerProcess
from images.queue.claims import fail_used_up
from images.queue.turns import ANY_ROW
from images.queue.wakeups import ensure_wakeups
from images.queue.workers import give_back_dead, is_alive

logger = logging.getLogger(__name__)

Job = Callable[[], int]
SweepReport = dict[str, int | None]

FORGET_AFTER = timedelta(minutes=10)
MAX_FAILED_AT_ONCE = 500


def queue_jobs(model: type[LeasedRow], among: Q = ANY_ROW) -> dict[str, Job]:
    """`among`: which rows workers are woken for."""
    return {
        "given back": lambda: give_back_dead(model),
        "given up": lambda: fail_rows_used_up(model),
        "woken": lambda: ensure_wakeups(model, among),
        "workers forgotten": forget_workers,
    }


def sweep_once(jobs: Mapping[str, Job], *, before_each: Callable[[], None]) -> SweepReport:
    """Run every job once, whatever becomes of the others: how much each did, None if it failed."""
    report: SweepReport = {}
    for name, job in jobs.items():
        before_each()
        report[name] = _run(name, job)
    return report


def _run(name: str, job: Job) -> int | None:
    try:
        return job()
    except Exception:
        logger.exception("The sweep's job %r failed", name)
        connection.close()
        return None


def fail_rows_used_up(model: type[LeasedRow]) -> int:
    """Rows that have no attempts left, and that nobody holds."""
    now = timezone.now()
    free = Q(status=Status.QUEUED) | Q(status=Status.RUNNING, lease_until__lt=now)
    used_up = Q(claims__gte=model.max_claims) | Q(failures__gte=model.max_failures)
    rows = model._default_manager.filter(free, used_up)[:MAX_FAILED_AT_ONCE]
    return sum(fail_used_up(row) for row in rows)


def forget_workers() -> int:
    """Processes of this host that are dead, and of other hosts that have long been silent."""
    silent = timezone.now() - FORGET_AFTER
    gone = [
        worker.pk
        for worker in WorkerProcess.objects.all()
        if is_alive(worker.pk) is False or worker.seen_at < silent
    ]
    WorkerProcess.objects.filter(pk__in=gone).delete()
    return len(gone)
