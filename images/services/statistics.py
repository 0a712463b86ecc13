"""Totals per day: past days as they were counted when they were over, today as it stands.

A day is one of the installation's time zone. What is deleted later does not change it any more.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from statistics import median

from django.db.models import Count, Max, Min, QuerySet, Sum
from django.utils import timezone

from images.models import Cutout, DailyTotal, Image, Status
from images.queue.claims import CANCELLED

# Whoever finishes a cutout notes the time first and commits then.
SETTLED_AFTER = timedelta(minutes=10)
MAX_DAYS_AT_ONCE = 31
# Days that are not rolled up yet are counted anew each time, so only so many.
MAX_LIVE_DAYS = 2


@dataclass(frozen=True, slots=True)
class Day:
    """total: None for a day before the first picture, or one that no sweep has counted."""

    day: date
    total: DailyTotal | None


def roll_up() -> int:
    """Count the days that are over and were not counted yet, 31 at most. Returns how many.

    May run any number of times, in any number of processes: a day is written once, by whoever
    comes first, and never again.
    """
    days = list(_days_due())[:MAX_DAYS_AT_ONCE]
    totals = [count_day(day) for day in days]
    DailyTotal.objects.bulk_create(totals, ignore_conflicts=True)
    return len(totals)


def recent_days(*, days: int) -> list[Day]:
    """The last so many days, oldest first; the last one is today as it stands."""
    today = timezone.localdate()
    first = today - timedelta(days=days - 1)
    totals = {total.day: total for total in DailyTotal.objects.filter(day__gte=first)}
    for day in (today - timedelta(days=ago) for ago in range(MAX_LIVE_DAYS)):
        if day not in totals:
            totals[day] = count_day(day)
    wanted = (first + timedelta(days=number) for number in range(days))
    return [Day(day, totals.get(day)) for day in wanted]


def count_day(day: date) -> DailyTotal:
    """What the rows say about `day`, not stored. Two queries, by index.

    What somebody cancelled did not fail, and what somebody edited no engine made.
    """
    uploaded = _within(Image.objects.order_by(), "created_at", day).aggregate(
        images=Count("pk"), bytes=Sum("byte_size"), people=Count("owner", distinct=True)
    )
    made = Cutout.objects.filter(kind=Cutout.Kind.EXTRACTED)
    ended = made.exclude(error_code=CANCELLED).order_by()
    finished = _within(ended, "finished_at", day)
    durations: list[float] = []
    failed = 0
    for status, started_at, finished_at in finished.values_list(
        "status", "started_at", "finished_at"
    ):
        if status == Status.FAILED:
            failed += 1
        elif status == Status.DONE:
            durations.append((finished_at - (started_at or finished_at)).total_seconds() * 1000)
    return DailyTotal(
        day=day,
        images=uploaded["images"],
        bytes=uploaded["bytes"] or 0,
        people=uploaded["people"],
        done=len(durations),
        failed=failed,
        median_ms=max(0, round(median(durations))) if durations else None,  # clocks are set back
    )


def _days_due() -> Iterator[date]:
    end = timezone.localdate(timezone.now() - SETTLED_AFTER)
    day = _first_due()
    while day is not None and day < end:
        yield day
        day += timedelta(days=1)


def _first_due() -> date | None:
    counted: date | None = DailyTotal.objects.aggregate(last=Max("day"))["last"]
    if counted is not None:
        return counted + timedelta(days=1)
    first: datetime | None = Image.objects.aggregate(first=Min("created_at"))["first"]
    return timezone.localdate(first) if first else None


def _within(rows: QuerySet, field: str, day: date) -> QuerySet:  # type: ignore[type-arg]
    """Rows of `day`, from its first moment to that of the next: 23 to 25 hours."""
    return rows.filter(
        **{f"{field}__gte": _start(day), f"{field}__lt": _start(day + timedelta(days=1))}
    )


def _start(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
