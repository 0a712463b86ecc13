"""When is a queue stuck, and when is it only busy?"""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from accounts.models import User
from images.models import Cutout, Status
from images.queue import stalls
from images.queue.stalls import StallDetector
from tests.images.queue.conftest import eventually, make_cutout

pytestmark = pytest.mark.django_db


@pytest.fixture
def detector(monkeypatch: pytest.MonkeyPatch) -> StallDetector:
    monkeypatch.setattr(stalls, "CYCLE_SECONDS", 0.01)
    monkeypatch.setattr(stalls, "HEAL_SECONDS", 0.05)
    monkeypatch.setattr(stalls, "STALL_SECONDS", 0.2)
    return StallDetector(Cutout)


def stalls_within(detector: StallDetector, seconds: float, *, idle: bool = True) -> bool:
    return eventually(lambda: detector.is_stalled(idle=idle, progress=1.0), seconds=seconds)


def test_work_that_nobody_begins_is_a_stall(owner: User, detector: StallDetector) -> None:
    make_cutout(owner)
    assert stalls_within(detector, 2)


def test_a_lost_wake_up_is_replaced_before_it_comes_to_that(
    owner: User, detector: StallDetector
) -> None:
    make_cutout(owner)
    assert not stalls_within(detector, 0.15)
    assert OrmQ.objects.count() == 1


def test_a_long_run_is_no_stall(owner: User, detector: StallDetector) -> None:
    make_cutout(owner)
    assert not stalls_within(detector, 0.5, idle=False)


def test_an_empty_queue_is_no_stall(owner: User, detector: StallDetector) -> None:
    make_cutout(owner, status=Status.DONE, matte="matte.png")
    make_cutout(owner, not_before=timezone.now() + timedelta(seconds=60))
    assert not stalls_within(detector, 0.5)


def test_a_long_queue_is_no_stall_while_runs_begin(owner: User, detector: StallDetector) -> None:
    make_cutout(owner)
    runs = iter(range(1, 10**9))
    assert not eventually(
        lambda: detector.is_stalled(idle=True, progress=float(next(runs))), seconds=0.5
    )
