"""Holding a row: the heart beats, the deadline ends the process, an interrupted run goes back."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.exceptions import TimeoutException

from accounts.models import User
from images.models import Cutout, Status
from images.queue import lease
from images.queue.claims import Claim, claim_next, finish
from images.queue.lease import EXIT_DEADLINE, hold
from tests.databases import SharedDatabase
from tests.images.queue.conftest import eventually, make_cutout

HANG = """
from images.queue.claims import claim_next
from images.queue.lease import hold
row, claim = claim_next(Cutout, worker="w")
with hold(Cutout, claim, deadline=0.2):
    time.sleep(60)
"""


def take() -> Claim:
    claimed = claim_next(Cutout, worker="w")
    assert claimed is not None
    return claimed[1]


def test_the_heart_beats_while_the_row_is_held(
    person: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "BEAT_SECONDS", 0.02)
    cutout = make_cutout(person)
    claim = take()
    Cutout.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    with hold(Cutout, claim, deadline=60):
        assert eventually(lambda: Cutout.objects.filter(lease_until__gt=timezone.now()).exists())
    assert finish(Cutout, claim, matte="matte.png")
    cutout.refresh_from_db()
    assert cutout.lease_until is None


def test_a_lost_row_is_not_renewed(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "BEAT_SECONDS", 0.02)
    make_cutout(person)
    claim = take()
    long_ago = timezone.now() - timedelta(seconds=100)
    Cutout.objects.update(worker="heir", claims=2, lease_until=long_ago)
    with hold(Cutout, claim, deadline=0.3):
        assert not eventually(
            lambda: Cutout.objects.exclude(lease_until=long_ago).exists(), seconds=0.2
        )


@pytest.mark.parametrize(
    ("failures", "status"), [(0, Status.QUEUED), (1, Status.QUEUED), (2, Status.FAILED)]
)
def test_past_the_deadline_the_row_goes_back_and_the_process_ends(
    person: User, shared_database: SharedDatabase, failures: int, status: Status
) -> None:
    cutout = make_cutout(person, failures=failures)
    assert shared_database.start(HANG).wait(timeout=30) == EXIT_DEADLINE
    cutout.refresh_from_db()
    assert (cutout.status, cutout.error_code) == (status, lease.DEADLINE_EXCEEDED)
    assert cutout.failures == failures + 1


def test_a_run_that_hangs_on_a_lost_row_is_ended_too(
    person: User, shared_database: SharedDatabase
) -> None:
    cutout = make_cutout(person)
    lose = "Cutout.objects.update(worker='heir')\n    time.sleep(60)"
    code = HANG.replace("time.sleep(60)", lose)
    short = "from images.queue import lease; lease.GRACE_SECONDS = 0.1\n"
    assert shared_database.start(short + code).wait(timeout=30) == EXIT_DEADLINE
    cutout.refresh_from_db()
    assert (cutout.status, cutout.worker, cutout.failures) == (Status.RUNNING, "heir", 0)


@pytest.mark.parametrize(
    ("error", "code", "failures"),
    [
        (TimeoutException("too long"), lease.DEADLINE_EXCEEDED, 1),
        (SystemExit(1), lease.INTERRUPTED, 1),
        (KeyboardInterrupt(), lease.INTERRUPTED, 0),
    ],
)
@pytest.mark.django_db
def test_an_interrupted_run_goes_back(
    owner: User, error: BaseException, code: str, failures: int
) -> None:
    cutout = make_cutout(owner)
    claim = take()
    with pytest.raises(type(error)), hold(Cutout, claim, deadline=60):
        raise error
    cutout.refresh_from_db()
    assert (cutout.status, cutout.error_code, cutout.failures) == (Status.QUEUED, code, failures)


@pytest.mark.django_db
def test_an_error_is_the_business_of_whoever_runs_the_row(owner: User) -> None:
    cutout = make_cutout(owner)
    with pytest.raises(ValueError, match="mine"), hold(Cutout, take(), deadline=60):
        raise ValueError("mine")
    cutout.refresh_from_db()
    assert cutout.status == Status.RUNNING
