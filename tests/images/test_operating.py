"""Many cutouts at once: retried, cancelled, put back; what is under way is never disturbed."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from images.models import Cutout, MonthlyUsage, Status
from images.queue.claims import Claim, cancel, claim_next, finish
from images.queue.workers import host_id, worker_id
from images.services import operating
from images.services.operating import cancel_many, put_back_many, retry_many
from images.services.trash import move_to_trash
from images.tasks import run_next_cutout
from tests.factories import submit

pytestmark = pytest.mark.django_db


def cutouts(owner: User, count: int, **fields: object) -> list[Cutout]:
    rows = [submit(owner).cutouts.get() for _ in range(count)]
    Cutout.objects.filter(pk__in=[row.pk for row in rows]).update(**fields)
    return rows


def states() -> list[str]:
    return sorted(Cutout.objects.values_list("status", flat=True))


def test_retrying(owner: User) -> None:
    cutouts(owner, 2, status=Status.FAILED, error_code="nothing_found")
    cutouts(owner, 1, status=Status.QUEUED)
    (trashed,) = cutouts(owner, 1, status=Status.FAILED)
    move_to_trash(images=type(trashed.image).objects.filter(pk=trashed.image_id))
    outcome = retry_many(cutouts=Cutout.objects.all())
    assert (outcome.changed, outcome.unfit, outcome.beyond) == (2, 1, 0)
    assert outcome.refused == {"in_trash": 1}
    assert states() == ["failed", "queued", "queued", "queued"]


def test_retrying_within_the_limit_of_its_person(owner: User) -> None:
    cutouts(owner, 3, status=Status.FAILED)
    MonthlyUsage.objects.update(cutouts=0)
    User.objects.filter(pk=owner.pk).update(max_cutouts_per_month=2)
    outcome = retry_many(cutouts=Cutout.objects.all())
    assert (outcome.changed, outcome.unfit) == (2, 0)
    assert outcome.refused == {"cutout_limit_reached": 1}
    assert MonthlyUsage.objects.get().cutouts == 2


def test_cancelling(owner: User) -> None:
    cutouts(owner, 2)
    cutouts(owner, 1, status=Status.FAILED, error_code="nothing_found")
    assert MonthlyUsage.objects.get().cutouts == 3
    outcome = cancel_many(cutouts=Cutout.objects.all())
    assert (outcome.changed, outcome.unfit) == (2, 1)
    codes = Cutout.objects.order_by("error_code").values_list("error_code", flat=True)
    assert list(codes) == ["cancelled", "cancelled", "nothing_found"]
    assert MonthlyUsage.objects.get().cutouts == 1
    run_next_cutout()
    assert states() == ["failed"] * 3


def test_a_claim_is_never_cancelled(owner: User) -> None:
    """Whoever holds it finishes, although it was waiting when the list was made."""
    cutouts(owner, 1)
    stale = Cutout.objects.get()
    claimed = claim_next(Cutout, worker=worker_id())
    assert claimed
    assert not cancel(stale)
    assert cancel_many(cutouts=Cutout.objects.all()).changed == 0
    assert finish(Cutout, claimed[1], matte="m.png")
    assert states() == ["done"]


def test_putting_back_what_a_dead_worker_has(owner: User) -> None:
    dead = f"{host_id()}:4194305:1"
    later = timezone.now() + timedelta(hours=1)
    cutouts(owner, 1, status=Status.RUNNING, worker=dead, claims=1, lease_until=later)
    cutouts(owner, 1, status=Status.RUNNING, worker=worker_id(), claims=1, lease_until=later)
    outcome = put_back_many(cutouts=Cutout.objects.all())
    assert (outcome.changed, outcome.unfit) == (1, 1)
    assert states() == ["queued", "running"]


def test_putting_back_what_outlived_its_lease(owner: User) -> None:
    past = timezone.now() - timedelta(seconds=1)
    (row,) = cutouts(
        owner, 1, status=Status.RUNNING, worker="elsewhere:1:1", claims=1, lease_until=past
    )
    assert put_back_many(cutouts=Cutout.objects.all()).changed == 1
    assert states() == ["queued"]
    late = Claim(row.pk, 1, "elsewhere:1:1")
    assert not finish(Cutout, late, matte="m.png")


def test_putting_back_what_waits_for_later(owner: User) -> None:
    later = timezone.now() + timedelta(hours=1)
    cutouts(owner, 1, not_before=later, error_code="engine_unavailable")
    cutouts(owner, 1)
    outcome = put_back_many(cutouts=Cutout.objects.all())
    assert (outcome.changed, outcome.unfit) == (1, 1)
    assert not Cutout.objects.filter(not_before__gt=timezone.now()).exists()
    run_next_cutout()
    run_next_cutout()
    assert states() == ["done", "done"]


def test_so_many_at_once(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operating, "MAX_AT_ONCE", 2)
    cutouts(owner, 3)
    cutouts(owner, 1, status=Status.FAILED)
    outcome = cancel_many(cutouts=Cutout.objects.all())
    assert (outcome.changed, outcome.unfit, outcome.beyond) == (2, 1, 1)
    assert cancel_many(cutouts=Cutout.objects.all()).changed == 1
