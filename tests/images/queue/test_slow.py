"""The slow slot: who claims what, and a real worker while a slow run goes on, is killed, or hangs.

The slow engine is the one that asks a service: it takes as long as the service of the test wants.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any, cast

import psutil
import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.utils import timezone
from django_q.models import OrmQ
from pytest_django import Settings

from accounts.models import User
from images.health import check_queue_age
from images.models import Cutout, Status
from images.queue import presence
from images.queue.slow import ordinary_cutouts, slow_cutouts
from images.queue.stalls import HEAL_SECONDS, STALL_SECONDS, StallDetector
from images.queue.wakeups import ensure_wakeups
from images.services import cutouts
from images.services.cutouts import queue_positions
from images.services.uploads import submit_image
from images.tasks import run_next_cutout, run_next_slow_cutout
from processing.engines.catalog import ENGINES
from processing.errors import EngineUnavailable
from processing.spec import ExtractSpec
from tests.databases import SharedDatabase
from tests.factories import picture_file, submit
from tests.images.queue.conftest import eventually, make_cutout
from tests.images.queue.test_stalls import Clock, clock  # noqa: F401 - a fixture
from tests.images.queue.test_worker import Worker
from tests.services import Answer, FakeService, matte_png, refusal, running_service


@pytest.fixture
def service(settings: Settings) -> Iterator[FakeService]:
    with running_service() as running:
        running.answer = Answer(body=matte_png((320, 240)))
        settings.SERVICE_ENGINE_URL = running.url
        yield running


def submit_slow(owner: User) -> Cutout:
    image = submit_image(
        owner=owner,
        file=picture_file(size=(320, 240)),
        extract_spec=ExtractSpec("service"),
    )
    return image.cutouts.get()


@pytest.mark.django_db
class TestClaims:
    def test_workers_leave_slow_rows_alone(self, owner: User, service: FakeService) -> None:
        slow = submit_slow(owner)
        run_next_cutout()
        slow.refresh_from_db()
        assert slow.status == Status.QUEUED
        assert run_next_slow_cutout()
        slow.refresh_from_db()
        assert (slow.status, slow.error_code) == (Status.DONE, "")

    def test_the_slot_leaves_all_others_alone(self, owner: User) -> None:
        submit(owner)
        assert not run_next_slow_cutout()
        edited = make_cutout(owner, kind=Cutout.Kind.EDITED)
        Cutout.objects.filter(pk=edited.pk).update(engine="service")
        assert set(Cutout.objects.filter(ordinary_cutouts())) == set(Cutout.objects.all())
        assert not Cutout.objects.filter(slow_cutouts()).exists()

    def test_nobody_is_woken_and_nothing_stalls_for_a_slow_row(
        self,
        owner: User,
        service: FakeService,
        clock: Clock,  # noqa: F811
    ) -> None:
        submit_slow(owner)
        OrmQ.objects.all().delete()
        assert ensure_wakeups(Cutout, ordinary_cutouts()) == 0
        detector = StallDetector(Cutout, ordinary_cutouts())
        for _ in range(int(2 * STALL_SECONDS + HEAL_SECONDS)):
            clock.now += 1
            assert not detector.is_stalled(idle=True, progress=1.0)
        assert not OrmQ.objects.exists()

    def test_a_long_line_for_the_slot_leaves_the_server_ready(
        self, owner: User, service: FakeService
    ) -> None:
        slow = submit_slow(owner)
        hours = timezone.now() - timedelta(hours=9)
        Cutout.objects.filter(pk=slow.pk).update(queued_at=hours)
        assert check_queue_age() == ""
        Cutout.objects.filter(pk=slow.pk).update(engine="drawn")
        assert check_queue_age() != ""

    def test_places_are_counted_within_each_line(self, owner: User, service: FakeService) -> None:
        first, second = submit_slow(owner), submit_slow(owner)
        quick = submit(owner).cutouts.get()
        places = queue_positions([first, second, quick])
        assert places == {first.pk: 1, second.pk: 2, quick.pk: 1}

    def test_a_slow_default_is_warm_without_being_loaded(
        self, settings: Settings, service: FakeService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.DEFAULT_ENGINE = "service"
        assert presence.load_engine() == ""
        settings.SERVICE_ENGINE_URL = ""
        assert "switched off" in presence.load_engine()

    def test_no_deadline_of_the_slot_is_asked_of_the_cluster(self, settings: Settings) -> None:
        longest = max(info.deadline_seconds for info in ENGINES.values())
        assert settings.Q_CLUSTER["timeout"] < longest
        assert "images.E001" not in {message.id for message in run_checks(tags=["queue"])}


@pytest.mark.django_db
class TestEnginesThatGo:
    def test_what_waited_for_a_service_fails_when_it_is_switched_off(
        self, owner: User, service: FakeService, settings: Settings
    ) -> None:
        cutout, other = submit_slow(owner), submit_slow(owner)
        settings.SERVICE_ENGINE_URL = ""
        while run_next_slow_cutout():
            pass
        for row in (cutout, other):
            row.refresh_from_db()
            assert (row.status, row.error_code) == (Status.FAILED, "engine_unavailable")
            assert "switched off" in row.error_message
        assert cutouts.request_cutout(image=other.image), "the picture is not locked"
        with pytest.raises(EngineUnavailable):
            cutouts.retry_cutout(cutout=cutout)
        settings.SERVICE_ENGINE_URL = service.url
        assert cutouts.retry_cutout(cutout=cutout).status == Status.QUEUED
        assert run_next_slow_cutout()
        cutout.refresh_from_db()
        assert cutout.status == Status.DONE

    def test_weights_on_demand_that_were_removed(
        self, owner: User, settings: Settings, tmp_path: Path
    ) -> None:
        cutout = submit(owner).cutouts.get()
        Cutout.objects.update(engine="silueta", extract_spec=str(ExtractSpec("silueta")))
        settings.MODEL_DIR = tmp_path / "none"
        run_next_cutout()
        cutout.refresh_from_db()
        assert (cutout.status, cutout.error_code) == (Status.FAILED, "engine_unavailable")

    def test_the_default_waits_for_its_weights_whichever_it_is(
        self, owner: User, settings: Settings, tmp_path: Path
    ) -> None:
        cutout = submit(owner).cutouts.get()
        Cutout.objects.update(engine="silueta", extract_spec=str(ExtractSpec("silueta")))
        settings.MODEL_DIR, settings.DEFAULT_ENGINE = tmp_path / "none", "silueta"
        run_next_cutout()
        cutout.refresh_from_db()
        assert (cutout.status, cutout.error_code) == (Status.QUEUED, "engine_unavailable")


@pytest.mark.django_db
class TestServersWithoutASlot:
    @pytest.fixture
    def old(self, owner: User, service: FakeService, settings: Settings) -> Cutout:
        settings.SLOW_WORKERS = 0
        cutout = make_slow(owner)
        Cutout.objects.update(queued_at=timezone.now() - timedelta(minutes=61))
        return cutout

    def sweep(self) -> str:
        output = StringIO()
        call_command("sweep", "--once", stdout=output)
        return output.getvalue()

    def test_what_nobody_will_ever_do_fails(self, old: Cutout, owner: User) -> None:
        fresh, ordinary = make_slow(owner), submit(owner).cutouts.get()
        edited = make_slow(owner, kind=Cutout.Kind.EDITED)
        Cutout.objects.exclude(pk=fresh.pk).update(queued_at=old.queued_at - timedelta(hours=2))
        assert "slow work refused: 1" in self.sweep()
        old.refresh_from_db()
        assert (old.status, old.error_code) == (Status.FAILED, "engine_unavailable")
        assert "does not do such work" in old.error_message
        for row in (fresh, ordinary, edited):
            row.refresh_from_db()
            assert row.status == Status.QUEUED

    def test_another_machine_may_have_one(self, old: Cutout, owner: User) -> None:
        running = make_slow(owner, status=Status.RUNNING, started_at=timezone.now())
        Cutout.objects.filter(pk=running.pk).update(lease_until=timezone.now() + timedelta(hours=1))
        assert cutouts.fail_unheard() == 0
        old.refresh_from_db()
        assert old.status == Status.QUEUED

    def test_where_there_is_one_a_long_line_is_no_fault(
        self, old: Cutout, settings: Settings
    ) -> None:
        settings.SLOW_WORKERS = 1
        assert cutouts.fail_unheard() == 0


def make_slow(owner: User, **fields: Any) -> Cutout:
    cutout = make_cutout(owner, extract_spec=str(ExtractSpec("service")), **fields)
    Cutout.objects.filter(pk=cutout.pk).update(engine="service")
    cutout.refresh_from_db()
    return cutout


@pytest.mark.django_db
class TestAnswersOfTheService:
    def run(self, cutout: Cutout) -> Cutout:
        Cutout.objects.filter(status=Status.QUEUED).update(not_before=timezone.now())
        assert run_next_slow_cutout()
        cutout.refresh_from_db()
        return cutout

    @pytest.mark.parametrize(
        ("answer", "code"),
        [
            (refusal(402, "insufficient_credits"), "service_quota"),
            (refusal(403, "auth_failed"), "service_key_refused"),
            (refusal(400, "file_too_large"), "service_refused"),
            (refusal(400, "unknown_foreground"), "nothing_found"),
        ],
    )
    def test_what_would_be_refused_again_fails_at_once(
        self, owner: User, service: FakeService, answer: Answer, code: str
    ) -> None:
        service.answer = answer
        cutout = self.run(submit_slow(owner))
        assert (cutout.status, cutout.error_code) == (Status.FAILED, code)
        assert cutout.error_message

    def test_what_may_pass_is_tried_three_times(self, owner: User, service: FakeService) -> None:
        service.answer = refusal(500, "internal_error")
        cutout = submit_slow(owner)
        assert self.run(cutout).status == Status.QUEUED
        assert cutout.not_before > timezone.now()
        assert self.run(cutout).status == Status.QUEUED
        assert self.run(cutout).status == Status.FAILED
        assert cutout.error_code == "service_failed"
        assert "500 (internal_error)" in cutout.error_message

    def test_it_comes_right_again(self, owner: User, service: FakeService) -> None:
        good, service.answer = service.answer, refusal(500, "internal_error")
        cutout = submit_slow(owner)
        self.run(cutout)
        service.answer = good
        assert self.run(cutout).status == Status.DONE

    def test_being_asked_to_wait_counts_as_no_failure_and_holds_all_others(
        self, owner: User, service: FakeService
    ) -> None:
        service.answer = refusal(429, "rate_limit_exceeded", Retry_After="40")
        cutout, other = submit_slow(owner), submit_slow(owner)
        self.run(cutout)
        other.refresh_from_db()
        for row in (cutout, other):
            assert (row.status, row.failures, row.claims) == (Status.QUEUED, 0, 0)
            assert row.error_code == "service_busy"
            assert 30 < (row.not_before - timezone.now()).total_seconds() <= 40
        assert len(service.asked) == 1

    def test_but_not_for_ever(
        self, owner: User, service: FakeService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        service.answer = refusal(429, "rate_limit_exceeded")
        cutout = submit_slow(owner)
        self.run(cutout)
        assert (cutout.status, cutout.failures) == (Status.QUEUED, 0)
        monkeypatch.setattr(cutouts, "SERVICE_PATIENCE", timedelta(0))
        for failures in (1, 2):
            self.run(cutout)
            assert (cutout.status, cutout.failures) == (Status.QUEUED, failures)
        self.run(cutout)
        assert (cutout.status, cutout.error_code) == (Status.FAILED, "service_busy")

    def test_patience_begins_with_the_first_time_and_not_in_the_line(
        self, owner: User, service: FakeService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        service.answer = refusal(429, "rate_limit_exceeded")
        cutout = submit_slow(owner)
        Cutout.objects.update(queued_at=timezone.now() - timedelta(hours=2))
        for _ in range(4):
            self.run(cutout)
            assert (cutout.status, cutout.failures) == (Status.QUEUED, 0)
        now = timezone.now() + timedelta(minutes=61)
        monkeypatch.setattr(timezone, "now", lambda: now)
        self.run(cutout)
        assert (cutout.status, cutout.failures) == (Status.QUEUED, 1)


class SlowService:
    """Answers once the test says so."""

    def __init__(self, service: FakeService) -> None:
        self.go = threading.Event()
        self._service = service
        service.answer.before = lambda: self.go.wait(60)

    def is_asked(self, times: int = 1) -> bool:
        return eventually(lambda: len(self._service.asked) >= times, seconds=60)


@pytest.fixture
def slow(service: FakeService) -> Iterator[SlowService]:
    slow = SlowService(service)
    yield slow
    slow.go.set()


@pytest.fixture
def worker(
    slow: SlowService,
    service: FakeService,
    shared_database: SharedDatabase,
    tmp_path: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Worker]:
    monkeypatch.setenv("SERVICE_ENGINE_URL", service.url)
    worker = Worker(shared_database, tmp_path / "data", cast("Path", settings.MEDIA_ROOT))
    yield worker
    slow.go.set()
    worker.process.kill()
    worker.process.wait()
    assert eventually(worker.is_gone), "killing the watchdog leaves no orphans"


def slow_processes(worker: Worker) -> list[psutil.Process]:
    """Whoever holds a slow row; none of them is among the parts that are always there."""
    held = Cutout.objects.filter(slow_cutouts(), status=Status.RUNNING)
    return [psutil.Process(int(name.rsplit(":", 2)[1])) for (name,) in held.values_list("worker")]


linux_only = pytest.mark.skipif(sys.platform != "linux", reason="looks into processes as on Linux")


@linux_only
def test_others_finish_while_a_slow_run_goes_on(
    worker: Worker, slow: SlowService, person: User
) -> None:
    cutout = submit_slow(person)
    assert slow.is_asked()
    for _ in range(3):
        submit(person)
    done = Cutout.objects.filter(status=Status.DONE)
    assert eventually(lambda: done.count() == 3, seconds=60)
    cutout.refresh_from_db()
    assert cutout.status == Status.RUNNING
    (process,) = slow_processes(worker)
    assert process.pid not in {part.pid for part in worker.parts.values()}
    assert process.nice() > worker.parts["worker"].nice()
    slow.go.set()
    assert eventually(lambda: done.count() == 4, seconds=60)


@linux_only
def test_a_slow_run_that_is_killed_is_tried_again_and_nothing_else_ends(
    worker: Worker, slow: SlowService, person: User
) -> None:
    cutout = submit_slow(person)
    assert slow.is_asked()
    (victim,) = slow_processes(worker)
    os.kill(victim.pid, signal.SIGKILL)
    slow.go.set()
    assert slow.is_asked(times=2)
    assert eventually(lambda: Cutout.objects.get().status == Status.DONE, seconds=60)
    cutout.refresh_from_db()
    assert (cutout.claims, cutout.failures) == (2, 0)
    assert worker.process.poll() is None
    assert all(part.is_running() for part in worker.parts.values())


SHORT_LIFE = """
from multiprocessing.sharedctypes import RawValue
from images.queue import slow
slow.IDLE_SECONDS = slow.LOOK_SECONDS = 0.3
busy_since = RawValue("d", 1)
slow.work(busy_since)
print(Cutout.objects.get().status, busy_since.value, os.nice(0) >= slow.NICENESS)
"""
HANGING = """
from images.queue import slow
from processing.engines.catalog import ENGINES
slow.EXTRA_SECONDS = 1 - max(info.deadline_seconds for info in ENGINES.values())
slow.work = lambda busy_since: time.sleep(60)
slot = slow.SlowSlot(1)
slot.tend()
(hanging,) = slot._busy_since
while slot._busy_since and hanging in slot._busy_since:
    slot.tend()
    time.sleep(0.05)
print(hanging.exitcode)
"""


def test_a_process_ends_when_there_is_no_more_to_do(
    shared_database: SharedDatabase, person: User
) -> None:
    cutout = submit_unheard(person)
    process = shared_database.start(SHORT_LIFE)
    assert process.communicate(timeout=60)[0].split() == ["failed", "0.0", "True"]
    assert process.returncode == 0
    cutout.refresh_from_db()
    assert cutout.error_code == "engine_unavailable"


def test_one_that_hangs_without_keeping_its_own_deadline_is_killed(
    shared_database: SharedDatabase, person: User
) -> None:
    submit_unheard(person)
    process = shared_database.start(HANGING)
    assert process.communicate(timeout=60)[0].split() == [str(-signal.SIGKILL)]


def submit_unheard(owner: User) -> Cutout:
    """A row for the slot, of an engine that is switched off."""
    return make_slow(owner)


@linux_only
def test_told_to_stop_it_does_not_wait_for_what_takes_long(
    worker: Worker, slow: SlowService, person: User
) -> None:
    submit_slow(person)
    assert slow.is_asked()
    (process,) = slow_processes(worker)
    worker.process.terminate()
    assert worker.process.wait(timeout=40) == 0
    assert worker.is_gone()
    assert not psutil.pid_exists(process.pid)
    assert Cutout.objects.get().status == Status.QUEUED
