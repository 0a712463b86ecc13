"""Taking and giving up rows: who is next, who may still say what becomes of a row."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import OrmQ

from accounts.models import User
from images.models import Cutout, Lane, Status
from images.queue import claims
from images.queue.claims import Claim, claim_next, fail, finish, give_back, put_back, renew
from tests.factories import UserFactory
from tests.images.queue.conftest import make_cutout, make_image

pytestmark = pytest.mark.django_db


def ago(seconds: float) -> Any:
    return timezone.now() - timedelta(seconds=seconds)


def take(worker: str = "w") -> tuple[Cutout, Claim]:
    claimed = claim_next(Cutout, worker=worker)
    assert claimed is not None
    return claimed


def put_back_later(claim: Claim, **options: Any) -> bool:
    return put_back(Cutout, claim, delay=60, code="flaky", message="It broke.", **options)


def make_eligible(cutout: Cutout) -> None:
    Cutout.objects.filter(pk=cutout.pk).update(not_before=ago(1))


def let_lease_run_out(cutout: Cutout) -> None:
    Cutout.objects.filter(pk=cutout.pk).update(lease_until=ago(1))


def test_a_claimed_row_says_who_has_it_and_until_when(owner: User) -> None:
    cutout = make_cutout(owner)
    row, claim = take("somebody")
    cutout.refresh_from_db()
    assert (row.pk, row.status, row.claims) == (cutout.pk, Status.RUNNING, 1)
    assert (cutout.status, cutout.worker, cutout.claims) == (Status.RUNNING, "somebody", 1)
    assert claim == Claim(cutout.pk, 1, "somebody")
    assert cutout.started_at == row.started_at
    assert cutout.lease_until is not None
    assert timedelta(seconds=29) < cutout.lease_until - timezone.now() <= timedelta(seconds=30)


def test_nothing_is_claimed_twice_or_before_its_time(owner: User) -> None:
    make_cutout(owner)
    make_cutout(owner, not_before=ago(-60))
    take()
    assert claim_next(Cutout, worker="w") is None


@pytest.mark.parametrize("status", [Status.DONE, Status.FAILED])
def test_what_is_over_is_not_claimed(owner: User, status: Status) -> None:
    make_cutout(owner, status=status, matte="matte.png")
    assert claim_next(Cutout, worker="w") is None


def test_people_come_before_batches(owner: User) -> None:
    batch = make_cutout(owner, lane=Lane.BATCH, queued_at=ago(100))
    person = make_cutout(owner, lane=Lane.INTERACTIVE, queued_at=ago(1))
    assert [take()[0].pk, take()[0].pk] == [person.pk, batch.pk]


def test_within_an_owner_first_come_first_served(owner: User) -> None:
    second = make_cutout(owner, queued_at=ago(10))
    first = make_cutout(owner, queued_at=ago(20))
    assert [take()[0].pk, take()[0].pk] == [first.pk, second.pk]


def test_owners_take_turns(owner: User, stranger: User) -> None:
    for waited in (50, 40, 30):
        make_cutout(owner, queued_at=ago(waited))
    for waited in (20, 10):
        make_cutout(stranger, queued_at=ago(waited))
    order = []
    for _ in range(5):
        row, claim = take()
        order.append(row.owner)
        fail(Cutout, claim, "over", "")
    assert order == [owner, stranger, owner, stranger, owner]


def test_who_has_fewest_running_is_next(owner: User, stranger: User) -> None:
    make_cutout(
        owner, status=Status.RUNNING, started_at=ago(500), lease_until=ago(-30), worker="other"
    )
    make_cutout(owner, queued_at=ago(100))
    make_cutout(stranger, status=Status.FAILED, started_at=ago(5))
    theirs = make_cutout(stranger, queued_at=ago(1))
    assert take()[0].pk == theirs.pk


def test_what_was_tried_before_goes_behind_what_is_fresh(owner: User, stranger: User) -> None:
    tried = make_cutout(owner, claims=1, queued_at=ago(100))
    batch = make_cutout(owner, lane=Lane.BATCH, queued_at=ago(200))
    fresh = make_cutout(stranger, queued_at=ago(1))
    assert [take()[0].pk for _ in range(3)] == [fresh.pk, tried.pk, batch.pk]


def test_a_lease_that_ran_out_is_taken_over(owner: User) -> None:
    cutout = make_cutout(owner)
    _, old = take("gone")
    assert claim_next(Cutout, worker="heir") is None
    let_lease_run_out(cutout)
    row, new = take("heir")
    assert (row.pk, new.number, row.worker) == (cutout.pk, 2, "heir")
    assert not finish(Cutout, old, matte="old.png")
    assert not fail(Cutout, old, "late", "")
    assert not renew(Cutout, old)
    assert not put_back_later(old)
    cutout.refresh_from_db()
    assert (cutout.status, cutout.worker, cutout.matte.name) == (Status.RUNNING, "heir", "")
    assert finish(Cutout, new, matte="new.png")


def test_a_late_worker_may_finish_what_nobody_took_over(owner: User) -> None:
    cutout = make_cutout(owner)
    _, claim = take()
    let_lease_run_out(cutout)
    assert finish(Cutout, claim, matte="matte.png", coverage=0.5)
    cutout.refresh_from_db()
    assert (cutout.status, cutout.coverage, cutout.lease_until) == (Status.DONE, 0.5, None)
    assert cutout.finished_at is not None


def test_a_row_fails_once_and_for_all(owner: User) -> None:
    cutout = make_cutout(owner)
    _, claim = take()
    assert fail(Cutout, claim, "truncated_image", "The file ends too early.")
    assert not finish(Cutout, claim, matte="matte.png")
    cutout.refresh_from_db()
    assert (cutout.status, cutout.error_code) == (Status.FAILED, "truncated_image")
    assert cutout.error_message == "The file ends too early."


def test_renewing_prolongs_the_lease(owner: User) -> None:
    cutout = make_cutout(owner)
    _, claim = take()
    let_lease_run_out(cutout)
    assert renew(Cutout, claim)
    assert claim_next(Cutout, worker="heir") is None


def test_a_row_put_back_waits_and_has_a_wake_up_for_then(owner: User) -> None:
    cutout = make_cutout(owner)
    _, claim = take()
    assert put_back_later(claim)
    cutout.refresh_from_db()
    assert (cutout.status, cutout.failures, cutout.worker) == (Status.QUEUED, 1, "")
    assert timedelta(seconds=58) < cutout.not_before - timezone.now() <= timedelta(seconds=60)
    assert claim_next(Cutout, worker="w") is None
    wake_up = OrmQ.objects.get()
    assert abs(wake_up.lock - cutout.not_before) < timedelta(seconds=1)


def test_the_third_failure_is_the_last(owner: User) -> None:
    cutout = make_cutout(owner)
    for failures in (1, 2, 3):
        make_eligible(cutout)
        assert put_back_later(take()[1])
        cutout.refresh_from_db()
        assert cutout.failures == failures
    assert (cutout.status, cutout.error_code) == (Status.FAILED, claims.TOO_MANY_ATTEMPTS)
    assert cutout.error_message == "Tried 3 times without success. It broke."


def test_waiting_for_weights_costs_no_attempt(owner: User) -> None:
    cutout = make_cutout(owner)
    for _ in range(20):
        make_eligible(cutout)
        assert put_back_later(take()[1], count_failure=False)
    cutout.refresh_from_db()
    assert (cutout.status, cutout.claims, cutout.failures) == (Status.QUEUED, 0, 0)
    assert cutout.error_code == "flaky"


def test_what_stands_in_the_way_of_many_is_tried_once(owner: User) -> None:
    image = make_image(owner)
    for _ in range(3):
        make_cutout(owner, image)
    other = make_cutout(owner, image)
    Cutout.objects.filter(pk=other.pk).update(engine="other")
    make_cutout(owner, image, status=Status.RUNNING, worker="w", lease_until=ago(-30))
    assert claims.postpone(Cutout, delay=60, code="x", message="X.", engine="drawn") == 3
    assert take()[0].pk == other.pk
    assert claim_next(Cutout, worker="w") is None
    assert Cutout.objects.filter(error_code="x", claims=0, status=Status.QUEUED).count() == 3
    assert OrmQ.objects.count() == 1


def test_a_row_whose_workers_die_backs_off_and_fails_in_the_end(owner: User) -> None:
    cutout = make_cutout(owner)
    delays = []
    for _ in range(Cutout.max_claims):
        row, _claim = take()
        before = timezone.now()
        assert give_back(row)
        cutout.refresh_from_db()
        delays.append(round((cutout.not_before - before).total_seconds()))
        assert (cutout.status, cutout.error_code) == (Status.QUEUED, claims.WORKER_LOST)
        make_eligible(cutout)
    assert delays == [2, 4, 8, 10, 10, 10, 10, 10]
    assert claim_next(Cutout, worker="w") is None
    cutout.refresh_from_db()
    assert (cutout.status, cutout.error_code) == (Status.FAILED, claims.TOO_MANY_ATTEMPTS)
    assert cutout.failures == 0


def test_a_row_is_not_given_back_from_its_next_holder(owner: User) -> None:
    make_cutout(owner)
    row, _ = take("gone")
    stale = Cutout.objects.get(pk=row.pk)
    let_lease_run_out(row)
    take("heir")
    assert not give_back(stale)


@pytest.fixture
def long_queue(owner: User, stranger: User) -> None:
    """10,000 rows wait and 5,000 are over, of 300 people."""
    people = [owner, stranger, *UserFactory.create_batch(298)]
    images = [make_image(person) for person in people]
    Cutout.objects.bulk_create(
        Cutout(
            image=images[number % 300],
            owner=people[number % 300],
            engine="drawn",
            lane=Lane.BATCH if number % 2 else Lane.INTERACTIVE,
            status=Status.FAILED if number % 3 == 0 else Status.QUEUED,
            started_at=ago(number) if number % 3 == 0 else None,
            queued_at=ago(20000 - number),
        )
        for number in range(15000)
    )


def test_claiming_stays_quick_in_a_long_queue(long_queue: None) -> None:
    take()
    with CaptureQueriesContext(connection) as queries:
        take()
    statements = [query["sql"] for query in queries]
    assert len(statements) == 4, "three to read, one to write"
    assert sum(float(query["time"]) for query in queries) < 0.5
    if connection.vendor != "sqlite":  # others plan by what the table holds at that moment
        return
    for statement in statements:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}")
            plan = " ".join(row[3] for row in cursor.fetchall())
        assert "SCAN images_cutout" not in plan, plan
