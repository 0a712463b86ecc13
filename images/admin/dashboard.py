"""The first page of the admin site: is all well, and if not, what to do about it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import AnonymousUser
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from images.admin.charts import Chart, make_chart
from images.admin.codes import meaning_of
from images.health import SEEN_WITHIN, find_problems
from images.models import Cutout, Lane, WorkerProcess
from images.queue.report import QueueReport, report_queue
from images.queue.workers import is_alive
from images.services import overview
from images.services.retrying import LASTING
from images.services.statistics import Day, recent_days

if TYPE_CHECKING:
    from accounts.models import User

DAYS_SHOWN = 30
RUNNING_SHOWN = 20

CHECKS = {
    "database": gettext_lazy("The database answers"),
    "migrations": gettext_lazy("The database is up to date"),
    "worker": gettext_lazy("A worker runs and has its engine loaded"),
    "weights": gettext_lazy("The standard engine has its weights"),
    "disk": gettext_lazy("There is room on the disk"),
    "media": gettext_lazy("Pictures can be stored"),
    "queue": gettext_lazy("Nobody waits too long"),
    "leases": gettext_lazy("No work is stuck with a worker that is gone"),
}
REMEDIES = {
    "migrations": gettext_lazy("Run “manage.py migrate”, then start Clearcut again."),
    "worker": gettext_lazy("Start the worker (“manage.py worker”); its log says why it ended."),
    "weights": gettext_lazy("Run the command beside the engine, below."),
    "disk": gettext_lazy("Make room, or lower RENDITION_CACHE_MB or TRASH_DAYS."),
    "media": gettext_lazy("Look at the permissions of MEDIA_ROOT."),
    "queue": gettext_lazy("See whether workers are alive, below; WORKERS sets how many there are."),
    "leases": gettext_lazy("The sweep should put it back: see whether the worker runs."),
}


def dashboard_for(user: "User | AnonymousUser") -> dict[str, Any]:
    """The panels that `user` may see; what needs a permission they lack is not even asked for."""
    panels = (
        (PANELS_OF_WORK, "images.view_workerprocess"),
        ({"failures": _failures, "verdicts": overview.verdicts}, "images.view_cutout"),
        ({"storage": overview.storage}, "images.view_image"),
        ({"people": overview.people}, "accounts.view_user"),
        ({"charts": _charts}, "images.view_dailytotal"),
    )
    return {
        name: make()
        for group, permission in panels
        if user.has_perm(permission)
        for name, make in group.items()
    }


@dataclass(frozen=True, slots=True)
class Health:
    """rows: each check with what is wrong, and what to do about it."""

    rows: Sequence[tuple[str, str, str]]

    @property
    def problems(self) -> int:
        return sum(bool(problem) for _label, problem, _remedy in self.rows)


def _health() -> Health:
    return Health(
        [
            (str(CHECKS.get(name, name)), problem, str(REMEDIES.get(name, "")) if problem else "")
            for name, problem in find_problems().items()
        ]
    )


@dataclass(frozen=True, slots=True)
class Queue:
    depth: Sequence[tuple[str, int]]
    report: QueueReport
    workers: Sequence["Worker"]
    orphans: int


@dataclass(frozen=True, slots=True)
class Worker:
    """state: a word for the style, label: for people. held: what it has, each with its age."""

    row: WorkerProcess
    state: str
    label: str
    held: Sequence[Cutout]


def _queue() -> Queue:
    report = report_queue(Cutout)
    known = {worker.pk for worker in report.workers}
    return Queue(
        depth=[(str(Lane(lane).label), count) for lane, count in report.depth.items()],
        report=report,
        workers=[_worker(row, report) for row in report.workers],
        orphans=sum(row.worker not in known for row in report.running),
    )


def _worker(row: WorkerProcess, report: QueueReport) -> Worker:
    state, label = state_of(row)
    held = [held for held in report.held_by(row)[:RUNNING_SHOWN] if isinstance(held, Cutout)]
    return Worker(row=row, state=state, label=label, held=held)


def state_of(worker: WorkerProcess) -> tuple[str, str]:
    """A word for the style, and one for people."""
    silent = timezone.now() - worker.seen_at > SEEN_WITHIN
    if is_alive(worker.pk) is False or silent:
        return "bad", _("gone")
    return ("good", _("ready")) if worker.warm else ("warn", _("has no engine"))


@dataclass(frozen=True, slots=True)
class Failures:
    """rows: each code with its meaning, links to those cutouts, of a day and of a week, and whether
    another attempt may help.
    """

    last_day: int
    last_week: int
    rows: Sequence[tuple[overview.FailureCount, str, str, str, bool]]


def _failures() -> Failures:
    found = overview.failures_by_code()
    return Failures(
        last_day=sum(row.last_day for row in found),
        last_week=sum(row.last_week for row in found),
        rows=[
            (
                row,
                str(meaning_of(row.code)),
                list_of(row.code, "day"),
                list_of(row.code, "week"),
                row.code not in LASTING,
            )
            for row in found
        ],
    )


def list_of(code: str, finished: str) -> str:
    """The list of failed cutouts with that code, of the last day or week."""
    address = reverse("admin:images_cutout_changelist")
    return f"{address}?status__exact=failed&error_code={code}&finished={finished}"


@dataclass(frozen=True, slots=True)
class Charts:
    charts: Sequence[Chart]
    days: Sequence[Day]


def _charts() -> Charts:
    days = recent_days(days=DAYS_SHOWN)
    medians = [(day.day, _seconds(day)) for day in days]
    known = [value for _day, value in medians if value is not None]
    return Charts(
        charts=[
            _sum_chart("images", _("Uploaded pictures"), days),
            _sum_chart("done", _("Finished cutouts"), days),
            _sum_chart("failed", _("Failed cutouts"), days),
            make_chart(
                name="median",
                title=_("Median seconds, by day"),
                total=_say_range(known),
                days=medians,
            ),
        ],
        days=list(reversed(days)),
    )


def _say_range(seconds: Sequence[float]) -> str:
    if not seconds:
        return "–"
    low, high = min(seconds), max(seconds)
    return f"{low} s" if low == high else f"{low}–{high} s"


def _sum_chart(field: str, title: str, days: Sequence[Day]) -> Chart:
    values = [(day.day, getattr(day.total, field) if day.total else None) for day in days]
    total = sum(value or 0 for _day, value in values)
    return make_chart(name=field, title=title, total=str(total), days=values)


def _seconds(day: Day) -> float | None:
    if day.total is None or day.total.median_ms is None:
        return None
    return round(day.total.median_ms / 1000, 1)


PANELS_OF_WORK: dict[str, Callable[[], Any]] = {
    "health": _health,
    "queue": _queue,
    "engines": overview.engines,
}
