"""The sweep puts right what fell through, whatever becomes of its other jobs."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone
from django_q.models import OrmQ

from accounts.models import User
from images.models import Cutout, Status, WorkerProcess
from images.queue.claims import TOO_MANY_ATTEMPTS
from images.queue.sweep import fail_rows_used_up, forget_workers, sweep_once
from images.queue.workers import host_id, worker_id
from images.tasks import run_next_cutout
from tests.factories import submit
from tests.images.queue.conftest import make_cutout, make_image

pytestmark = pytest.mark.django_db


def test_a_job_that_fails_does_not_keep_the_others_from_running(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail() -> int:
        raise OSError("disk on fire")

    beats: list[None] = []
    report = sweep_once({"a": fail, "b": lambda: 7}, before_each=lambda: beats.append(None))
    assert report == {"a": None, "b": 7}
    assert len(beats) == 2
    assert "disk on fire" in caplog.text


def test_a_lost_wake_up_is_healed(owner: User) -> None:
    submit(owner)
    OrmQ.objects.all().delete()
    output = StringIO()
    call_command("sweep", "--once", stdout=output)
    assert "woken: 1" in output.getvalue()
    assert OrmQ.objects.get().task["func"] == "images.tasks.run_next_cutout"
    run_next_cutout()
    assert Cutout.objects.get().status == Status.DONE


def test_rows_of_dead_workers_wait_for_no_lease(owner: User) -> None:
    cutout = make_cutout(
        owner,
        status=Status.RUNNING,
        claims=1,
        worker=f"{host_id()}:{2**22 + 1}:1",
        lease_until=timezone.now() + timedelta(seconds=30),
    )
    call_command("sweep", "--once", stdout=StringIO())
    cutout.refresh_from_db()
    assert cutout.status == Status.QUEUED


def test_rows_without_attempts_left_fail(owner: User) -> None:
    image = make_image(owner)
    past = timezone.now() - timedelta(seconds=1)
    gone = [
        make_cutout(owner, image, claims=Cutout.max_claims),
        make_cutout(owner, image, failures=3, error_message="It broke."),
        make_cutout(
            owner, image, status=Status.RUNNING, claims=Cutout.max_claims, lease_until=past
        ),
    ]
    kept = [
        make_cutout(owner, image, claims=Cutout.max_claims - 1),
        make_cutout(
            owner,
            image,
            status=Status.RUNNING,
            claims=Cutout.max_claims,
            lease_until=timezone.now() + timedelta(seconds=9),
        ),
    ]
    assert fail_rows_used_up(Cutout) == 3
    failed = Cutout.objects.filter(status=Status.FAILED, error_code=TOO_MANY_ATTEMPTS)
    assert {row.pk for row in failed} == {row.pk for row in gone}
    assert Cutout.objects.get(pk=gone[1].pk).error_message.endswith("It broke.")
    assert (
        Cutout.objects.filter(pk__in=[row.pk for row in kept]).exclude(status="failed").count() == 2
    )


def test_processes_that_are_gone_are_forgotten() -> None:
    hour_ago = timezone.now() - timedelta(hours=1)
    names = {
        "me": WorkerProcess(pk=worker_id(), host="here", pid=1),
        "dead": WorkerProcess(pk=f"{host_id()}:{2**22 + 1}:1", host="here", pid=1),
        "elsewhere": WorkerProcess(pk="elsewhere/1:1:1", host="elsewhere", pid=1),
        "silent": WorkerProcess(pk="elsewhere/1:2:1", host="elsewhere", pid=2, seen_at=hour_ago),
    }
    WorkerProcess.objects.bulk_create(names.values())
    assert forget_workers() == 2
    left = set(WorkerProcess.objects.values_list("pk", flat=True))
    assert left == {names["me"].pk, names["elsewhere"].pk}
