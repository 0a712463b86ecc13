"""Whose turn it is.

People before batches, fresh rows before ones that were tried already, then round-robin over
owners: who has fewest rows running, then who has waited longest for a start, then who came
first. Within an owner, first come, first served.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from django.contrib.auth import get_user_model
from django.db.models import (
    BooleanField,
    Count,
    ExpressionWrapper,
    F,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
)
from django.db.models.functions import Coalesce

from images.models import Lane, LeasedRow, Status

Row = TypeVar("Row", bound=LeasedRow)

# Turns are weighed among the owners who have waited longest; beyond these the order of arrival
# is fair enough.
MAX_OWNERS = 200

ANY_ROW = Q()
RETRIED = ExpressionWrapper(Q(claims__gt=0), output_field=BooleanField())


class Group(NamedTuple):
    """The eligible rows of one owner that rank alike."""

    lane: str
    retried: bool
    owner: Any
    oldest: datetime


def next_row(model: type[Row], now: datetime, among: Q = ANY_ROW) -> Row | None:
    """The eligible row like `among` whose turn it is: it is read, not taken."""
    while group := _next_group(model, now, among):
        if row := _first_of(model, now, group, among):
            return row
        # Somebody else took the last row of that owner in between: whose turn is it now?
    return None


def _next_group(model: type[LeasedRow], now: datetime, among: Q) -> Group | None:
    groups = [Group(*values) for values in _groups(model, now, among)]
    if not groups:
        return None
    best = min(_rank(group) for group in groups)
    oldest_first = sorted((g for g in groups if _rank(g) == best), key=lambda g: g.oldest)
    return _fairest(model, now, oldest_first[:MAX_OWNERS])


def _first_of(model: type[Row], now: datetime, group: Group, among: Q) -> Row | None:
    rows = _waiting(model, now) | _abandoned(model, now)
    rows = rows.filter(among, lane=group.lane, owner=group.owner)
    rows = rows.filter(claims__gt=0) if group.retried else rows.filter(claims=0)
    return rows.order_by("queued_at", "pk").first()


def _rank(group: Group) -> tuple[bool, bool]:
    return group.lane != Lane.INTERACTIVE, group.retried


def _groups(model: type[LeasedRow], now: datetime, among: Q) -> Iterable[Any]:
    """Two halves, since an OR of the two conditions would keep databases from using one index."""
    halves = [
        rows.filter(among)
        .order_by()
        .values_list("lane", RETRIED, "owner")
        .annotate(oldest=Min("queued_at"))
        for rows in (_waiting(model, now), _abandoned(model, now))
    ]
    return halves[0].union(halves[1], all=True)


def _waiting(model: type[Row], now: datetime) -> QuerySet[Row]:
    return model._default_manager.filter(status=Status.QUEUED, not_before__lte=now)


def _abandoned(model: type[Row], now: datetime) -> QuerySet[Row]:
    return model._default_manager.filter(status=Status.RUNNING, lease_until__lt=now)


def _fairest(model: type[LeasedRow], now: datetime, groups: list[Group]) -> Group:
    if len(groups) == 1:
        return groups[0]
    of_owner = model._default_manager.order_by().filter(owner=OuterRef("pk"))
    running = of_owner.filter(status=Status.RUNNING, lease_until__gte=now).values("owner")
    last = of_owner.exclude(started_at=None).order_by("-started_at").values("started_at")[:1]
    owners = (
        get_user_model()
        ._default_manager.filter(pk__in=[group.owner for group in groups])
        .annotate(
            running=Coalesce(Subquery(running.annotate(n=Count("pk")).values("n")), 0),
            last_start=Subquery(last),
        )
        .order_by("running", F("last_start").asc(nulls_first=True))
        .values_list("running", "last_start", "pk")
    )
    running_and_last = {pk: (count, start) for count, start, pk in owners}
    return min(groups, key=lambda g: _waited(running_and_last.get(g.owner, (0, None))))


def _waited(turn: tuple[int, datetime | None]) -> tuple[int, float]:
    running, last_start = turn
    return running, last_start.timestamp() if last_start else 0.0
