"""When is a queue stuck, and when is it only busy? The clock is the test's."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from accounts.models import User
from images.models import Cutout, Status
from images.queue import stalls
from images.queue.stalls import CYCLE_SECONDS, HEAL_SECONDS, STALL_SECONDS, StallDetector
from tests.images.queue.conftest import make_cutout

pytestmark = pytest.mark.django_db


def none_begins() -> float:
    return 1.0


@dataclass
class Clock:
    """Stands still until it is put forward."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(stalls, "monotonic", clock)
    return clock


def stalls_after(
    clock: Clock,
    *,
    idle: bool = True,
    progress: Callable[[], float] = none_begins,
    limit: float = 10 * STALL_SECONDS,
) -> float | None:
    """Seconds until the detector speaks, if it is asked ten times a second for `limit` seconds."""
    detector, start = StallDetector(Cutout), clock.now
    while clock.now - start < limit:
        if detector.is_stalled(idle=idle, progress=progress()):
            return clock.now - start
        clock.now += CYCLE_SECONDS / 10
    return None


def test_work_that_nobody_begins_is_a_stall(owner: User, clock: Clock) -> None:
    make_cutout(owner)
    waited = stalls_after(clock)
    assert waited is not None
    # A look to notice the first progress, and what lies between two looks.
    assert STALL_SECONDS <= waited <= STALL_SECONDS + 3 * CYCLE_SECONDS


def test_a_lost_wake_up_is_replaced_before_it_comes_to_that(owner: User, clock: Clock) -> None:
    make_cutout(owner)
    assert stalls_after(clock, limit=HEAL_SECONDS - CYCLE_SECONDS) is None
    assert not OrmQ.objects.exists()
    assert stalls_after(clock, limit=HEAL_SECONDS + 3 * CYCLE_SECONDS) is None
    assert OrmQ.objects.count() == 1


def test_a_long_run_is_no_stall(owner: User, clock: Clock) -> None:
    make_cutout(owner)
    assert stalls_after(clock, idle=False) is None


def test_an_empty_queue_is_no_stall(owner: User, clock: Clock) -> None:
    make_cutout(owner, status=Status.DONE, matte="matte.png")
    make_cutout(owner, not_before=timezone.now() + timedelta(hours=1))
    assert stalls_after(clock) is None


def test_a_long_queue_is_no_stall_while_runs_begin(owner: User, clock: Clock) -> None:
    make_cutout(owner)
    assert stalls_after(clock, progress=lambda: clock.now // (STALL_SECONDS / 2)) is None
