"""The threads that send messages, and the real process that they run in."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from django.conf import settings as project
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from images.models import Status, WebhookDelivery
from images.queue import errands
from images.queue.claims import Claim, claim_next, finish
from images.queue.errands import THREADS, Errand, Errands
from images.services.webhook_events import send_test
from images.services.webhook_sending import PER_ENDPOINT, PER_OWNER, deliveries, may_begin
from images.services.webhooks import TESTS_AT_ONCE
from tests.databases import SharedDatabase, database_settings
from tests.factories import UserFactory
from tests.images.queue.conftest import eventually
from tests.images.webhooks.conftest import Hook, Receiver, make_hook

# Real threads and processes: each has a connection of its own.


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errands, "IDLE_SECONDS", 0.05)


@pytest.fixture
def person(shared_database: SharedDatabase) -> User:
    person: User = UserFactory.create(email="person@example.com")
    return person


@pytest.fixture
def people_hook(person: User, receiver: Receiver) -> Hook:
    return make_hook(person, receiver.url)


@contextmanager
def running(*kinds: Errand, threads: int = THREADS) -> Iterator[Errands]:
    lane = Errands(kinds, threads=threads)
    lane.start()
    try:
        yield lane
    finally:
        assert lane.stop(seconds=20)


def count(**which: Any) -> int:
    return WebhookDelivery.objects.filter(**which).count()


def done(number: int) -> Callable[[], bool]:
    return lambda: count(status=Status.DONE) == number


def test_all_are_sent_once(people_hook: Hook, receiver: Receiver) -> None:
    for _ in range(TESTS_AT_ONCE):
        send_test(endpoint=people_hook.endpoint)
    with running(deliveries()):
        assert eventually(done(TESTS_AT_ONCE))
    assert len(receiver.verified(people_hook.secret)) == TESTS_AT_ONCE
    assert len({one.headers["webhook-id"] for one in receiver.received}) == TESTS_AT_ONCE
    assert not count(claims__gt=1)


def test_an_errand_that_raises_stops_nothing(people_hook: Hook) -> None:
    failing = [send_test(endpoint=people_hook.endpoint).pk for _ in range(3)]
    good = send_test(endpoint=people_hook.endpoint)

    def run(delivery: WebhookDelivery, claim: Claim) -> None:
        if delivery.pk in failing:
            raise OperationalError("the server closed the connection")
        finish(WebhookDelivery, claim)

    with running(Errand(WebhookDelivery, run), threads=2):
        assert eventually(done(1))
        assert eventually(lambda: count(failures=1) == 3)
    good.refresh_from_db()
    assert good.status == Status.DONE
    assert count(status=Status.QUEUED, error_code="internal_error") == 3


def test_looking_that_fails_is_tried_again(people_hook: Hook, receiver: Receiver) -> None:
    """As while the database is away for a moment."""
    calls: list[int] = []
    usual = deliveries()

    def among() -> Any:
        calls.append(1)
        if len(calls) < 4:
            raise OperationalError("the database is away")
        return usual.among()

    send_test(endpoint=people_hook.endpoint)
    with running(Errand(WebhookDelivery, usual.run, among)):
        assert eventually(done(1))


def test_one_thread_looks_for_all(people_hook: Hook) -> None:
    """However many there are, the database is asked about once in IDLE_SECONDS."""
    calls: list[int] = []
    usual = deliveries()

    def among() -> Any:
        calls.append(1)
        return usual.among()

    with running(Errand(WebhookDelivery, usual.run, among), threads=8):
        sleep(1)
    assert 3 <= len(calls) <= 22


def test_stopping_waits_for_what_is_sent(people_hook: Hook) -> None:
    begun, go_on = threading.Event(), threading.Event()
    for _ in range(3):
        send_test(endpoint=people_hook.endpoint)

    def run(delivery: WebhookDelivery, claim: Claim) -> None:
        begun.set()
        go_on.wait(10)
        finish(WebhookDelivery, claim)

    lane = Errands([Errand(WebhookDelivery, run)], threads=1)
    lane.start()
    assert begun.wait(10)
    began = monotonic()
    assert not lane.stop(seconds=0.3), "it is not done"
    assert monotonic() - began < 2
    go_on.set()
    assert lane.stop(seconds=10)
    assert count(status=Status.DONE) == 1, "what was begun is finished, and nothing else begun"
    assert count(status=Status.QUEUED) == 2


class TestOneThatDoesNotAnswer:
    def test_leaves_threads_to_others(self, person: User, receiver: Receiver) -> None:
        slow = make_hook(person, receiver.url)
        good = make_hook(person, receiver.url)
        other = make_hook(UserFactory.create(), receiver.url)
        for _ in range(10):
            send_test(endpoint=slow.endpoint)
        sleep(0.01)
        for hook in (good, other):
            for _ in range(3):
                send_test(endpoint=hook.endpoint)
        go_on, usual = threading.Event(), deliveries()
        most: list[int] = []

        def run(delivery: WebhookDelivery, claim: Claim) -> None:
            if delivery.endpoint_id == slow.endpoint.pk:
                most.append(count(endpoint=slow.endpoint, status=Status.RUNNING))
                go_on.wait(20)
            usual.run(delivery, claim)

        with running(Errand(WebhookDelivery, run, usual.among)):
            try:
                assert eventually(done(6)), "the others are served meanwhile"
                assert count(endpoint=slow.endpoint, status=Status.RUNNING) == PER_ENDPOINT
            finally:
                go_on.set()
            assert eventually(done(16))
        assert max(most) <= PER_ENDPOINT

    def test_one_person_does_not_take_all_threads(self, person: User, receiver: Receiver) -> None:
        hooks = [make_hook(person, receiver.url) for _ in range(PER_OWNER + 1)]
        for hook in hooks:
            send_test(endpoint=hook.endpoint)
        claimed = [
            claim_next(WebhookDelivery, worker="w", among=may_begin()) for _ in range(PER_OWNER + 1)
        ]
        assert [bool(one) for one in claimed] == [True] * PER_OWNER + [False]
        other = send_test(endpoint=make_hook(UserFactory.create(), receiver.url).endpoint)
        last = claim_next(WebhookDelivery, worker="w", among=may_begin())
        assert last
        assert last[0] == other

    def test_leases_that_ran_out_do_not_count(self, person: User, receiver: Receiver) -> None:
        hook = make_hook(person, receiver.url)
        for _ in range(PER_ENDPOINT + 1):
            send_test(endpoint=hook.endpoint)
        for _ in range(PER_ENDPOINT):
            assert claim_next(WebhookDelivery, worker="w", among=may_begin())
        assert claim_next(WebhookDelivery, worker="w", among=may_begin()) is None
        WebhookDelivery.objects.filter(status=Status.RUNNING).update(lease_until=timezone.now())
        assert claim_next(WebhookDelivery, worker="w", among=may_begin())


def test_queries_while_nothing_is_to_be_done(person: User) -> None:
    with CaptureQueriesContext(connection) as captured:
        assert claim_next(WebhookDelivery, worker="w", among=may_begin()) is None
    assert len(captured) == 2


class Sweep:
    """The real `manage.py sweep`, as the worker runs it."""

    def __init__(self, database: SharedDatabase, folder: Path, settings: Settings) -> None:
        environment = {
            **database_settings(database.url),
            "DJANGO_SETTINGS_MODULE": "config.settings.local",
            "SECRET_KEY": project.SECRET_KEY,
            "DATA_DIR": str(folder),
            "MEDIA_ROOT": str(folder / "media"),
            "WEBHOOK_PORTS": ",".join(map(str, settings.WEBHOOK_PORTS)),
            "IMPORT_NETWORKS": "127.0.0.0/8",
        }
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "sweep"], cwd=project.BASE_DIR, env=environment
        )

    def stop(self) -> float:
        """Seconds until it has ended."""
        began = monotonic()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) == 0
        return monotonic() - began


@pytest.fixture
def sweep(
    shared_database: SharedDatabase, tmp_path: Path, settings: Settings, receiver: Receiver
) -> Iterator[Callable[[], Sweep]]:
    made: list[Sweep] = []

    def start() -> Sweep:
        made.append(Sweep(shared_database, tmp_path / "sweep", settings))
        return made[-1]

    yield start
    for one in made:
        one.process.kill()
        one.process.wait()


def test_end_to_end(people_hook: Hook, receiver: Receiver, sweep: Callable[[], Sweep]) -> None:
    """The real process sends, tries again by itself, stops, and makes up for one that died."""
    receiver.answers = [500, 200]
    delivery = send_test(endpoint=people_hook.endpoint)
    first = sweep()
    assert eventually(done(1), seconds=40), "after 500 comes another try, about five seconds later"
    messages = receiver.verified(people_hook.secret)
    assert [message["type"] for message in messages] == ["webhook.test"] * 2
    delivery.refresh_from_db()
    assert [attempt["status"] for attempt in delivery.attempts] == [500, 200]
    assert json.loads(delivery.payload) == messages[0]
    assert first.stop() < 4
    sent = len(receiver.received)
    left = send_test(endpoint=people_hook.endpoint)
    assert claim_next(WebhookDelivery, worker="w"), "as by a process that died"
    WebhookDelivery.objects.filter(pk=left.pk).update(
        worker=dead_worker(), lease_until=timezone.now() + timedelta(hours=1)
    )
    sweep()
    assert eventually(done(2), seconds=40)
    assert len(receiver.received) == sent + 1


def dead_worker() -> str:
    """The name of a process of this host that is no more."""
    code = "from images.queue.workers import worker_id; print(worker_id())"
    answer = subprocess.run(
        [sys.executable, "-c", f"import django; django.setup(); {code}"],
        cwd=project.BASE_DIR,
        env=database_settings("sqlite:///none"),
        capture_output=True,
        text=True,
        check=True,
    )
    return answer.stdout.strip()
