"""One message and the server that gets it, or does not."""

import logging
import socket
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from images.models import Status, WebhookDelivery, WebhookEndpoint
from images.queue.claims import claim_next
from images.services import webhook_sending, webhooks
from images.services.webhook_events import send_test
from images.services.webhook_sending import (
    DELAYS,
    JITTER,
    MAX_RETRY_AFTER,
    deliver,
    read_retry_after,
)
from images.services.webhooks import (
    DELIVERIES_KEPT,
    forget_deliveries,
    make_endpoint,
    resend,
    rotate_secret,
    switch_off,
    switch_on,
)
from images.tasks import run_next_cutout
from tests.factories import submit
from tests.images.fetching.hostile import Behaviour, answering, serving
from tests.images.fetching.test_fetching import HOSTILE
from tests.images.webhooks.conftest import SITE, Hook, Receiver, allow, deliver_next

pytestmark = pytest.mark.django_db
START = datetime(2026, 11, 20, 12, tzinfo=UTC)


def deliver_now() -> WebhookDelivery:
    delivery = deliver_next()
    assert delivery is not None
    return delivery


def test_a_message_arrives(hook: Hook, receiver: Receiver, owner: User) -> None:
    submit(owner)
    run_next_cutout()
    delivery = deliver_now()
    assert delivery.status == Status.DONE
    (message,) = receiver.verified(hook.secret)
    assert message["type"] == "cutout.done"
    (received,) = receiver.received
    assert received.path == "/hook?for=tests"
    assert received.body.decode() == delivery.payload
    headers = {name.lower(): value for name, value in received.headers.items()}
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == f"msg_{delivery.pk.hex}"
    assert headers["user-agent"] == "Clearcut"
    (attempt,) = delivery.attempts
    assert (attempt["status"], attempt["error"], delivery.response_status) == (204, "", 204)
    assert attempt["ms"] >= 0
    assert deliver_next() is None


def test_retries_last_a_day(hook: Hook, receiver: Receiver) -> None:
    receiver.answers = [500]
    with time_machine.travel(START, tick=False) as clock:
        send_test(endpoint=hook.endpoint)
        waits = []
        delivery = WebhookDelivery.objects.get()
        for attempt in range(WebhookDelivery.max_failures):
            delivery = deliver_now()
            assert len(delivery.attempts) == attempt + 1
            if delivery.status == Status.QUEUED:
                assert deliver_next() is None, "not before its time"
                waits.append((delivery.not_before - timezone.now()).total_seconds())
                clock.move_to(delivery.not_before)
    assert len(waits) == len(DELAYS)
    for wait, usual in zip(waits, DELAYS, strict=True):
        assert usual * (1 - JITTER) <= wait <= usual * (1 + JITTER)
    assert (delivery.status, delivery.error_code) == (Status.FAILED, "not_delivered")
    assert delivery.error_message == (
        "Tried 8 times without success. The other server answered with 500."
    )
    assert timedelta(hours=20) < timedelta(seconds=sum(DELAYS)) < timedelta(hours=25)
    names = {one.headers["webhook-id"] for one in receiver.received}
    times = {one.headers["webhook-timestamp"] for one in receiver.received}
    assert (len(names), len(times)) == (1, WebhookDelivery.max_failures)
    assert [attempt["status"] for attempt in delivery.attempts] == [500] * 8


def test_a_retry_that_succeeds(hook: Hook, receiver: Receiver) -> None:
    receiver.answers = [500, 200]
    with time_machine.travel(timezone.now(), tick=False) as clock:
        send_test(endpoint=hook.endpoint)
        assert deliver_now().status == Status.QUEUED
        hook.endpoint.refresh_from_db()
        assert hook.endpoint.failing_since == timezone.now()
        clock.shift(10)
        delivery = deliver_now()
        assert delivery.status == Status.DONE
        assert (delivery.error_code, delivery.error_message) == ("", "")
        assert len(receiver.verified(hook.secret)) == 2
    hook.endpoint.refresh_from_db()
    assert hook.endpoint.failing_since is None


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 404, 500, 304])
def test_all_but_2xx_are_failures(hook: Hook, receiver: Receiver, status: int) -> None:
    """Redirects too: nothing is asked at the place that they name."""
    receiver.answers = [status]
    receiver.headers = {"Location": receiver.url}
    send_test(endpoint=hook.endpoint)
    delivery = deliver_now()
    assert (delivery.status, delivery.response_status) == (Status.QUEUED, status)
    assert delivery.error_message == f"The other server answered with {status}."
    assert len(receiver.received) == 1


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_2xx_are_successes(hook: Hook, receiver: Receiver, status: int) -> None:
    receiver.answers = [status]
    send_test(endpoint=hook.endpoint)
    assert deliver_now().status == Status.DONE


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("status", "header", "seconds"),
        [
            (429, "120", 120),
            (503, "3600", 3600),
            (503, "Fri, 20 Nov 2026 12:10:00 GMT", 600),
            (429, "999999999999999", MAX_RETRY_AFTER),
            (500, "3600", DELAYS[0]),
            (429, "soon", DELAYS[0]),
            (429, "-5", DELAYS[0]),
            (429, "0", DELAYS[0]),
        ],
    )
    def test_is_honoured(
        self, hook: Hook, receiver: Receiver, status: int, header: str, seconds: float
    ) -> None:
        receiver.answers, receiver.headers = [status], {"Retry-After": header}
        with time_machine.travel(START, tick=False):
            send_test(endpoint=hook.endpoint)
            delivery = deliver_now()
            wait = (delivery.not_before - timezone.now()).total_seconds()
        assert wait == pytest.approx(seconds, rel=JITTER * 1.01)

    @pytest.mark.parametrize(
        "text", ["", " ", "x", "\u0661", "1e9", "Fri, 99 Nov 2026", "0" * 5000, ", ,", "\x00"]
    )
    def test_nonsense(self, text: str) -> None:
        assert read_retry_after(text, START) == 0


class TestSwitchingOff:
    def test_gone(self, hook: Hook, receiver: Receiver) -> None:
        receiver.answers = [410]
        first, second = (send_test(endpoint=hook.endpoint) for _ in range(2))
        deliver_now()
        hook.endpoint.refresh_from_db()
        assert hook.endpoint.disabled_at is not None
        assert hook.endpoint.failing_since is not None, "by itself, not by hand"
        rows = dict(WebhookDelivery.objects.values_list("pk", "error_code"))
        assert rows == {first.pk: "not_delivered", second.pk: "webhook_inactive"}
        assert not WebhookDelivery.objects.exclude(status=Status.FAILED).exists()
        assert len(receiver.received) == 1

    def test_three_days_without_success(self, hook: Hook, receiver: Receiver) -> None:
        receiver.answers = [500]
        with time_machine.travel(START, tick=False) as clock:
            send_test(endpoint=hook.endpoint)
            deliver_now()
            clock.move_to(START + timedelta(days=2, hours=23))
            while deliver_next():
                pass
            hook.endpoint.refresh_from_db()
            assert hook.endpoint.disabled_at is None
            clock.move_to(START + timedelta(days=3, minutes=1))
            delivery = send_test(endpoint=hook.endpoint)
            while deliver_next():
                pass
            hook.endpoint.refresh_from_db()
            assert hook.endpoint.disabled_at == timezone.now()
            assert hook.endpoint.failing_since == START
            clock.move_to(START + timedelta(days=5))
            while deliver_next():
                pass
            delivery.refresh_from_db()
            assert delivery.status == Status.FAILED
            switch_on(endpoint=hook.endpoint)
            assert WebhookEndpoint.objects.get().failing_since is None
            receiver.answers = [200]
            resend(delivery=delivery)
            assert deliver_now().status == Status.DONE

    def test_a_success_in_between_counts(self, hook: Hook, receiver: Receiver) -> None:
        with time_machine.travel(START, tick=False) as clock:
            for answers in ([500], [200], [500]):
                receiver.answers = answers
                send_test(endpoint=hook.endpoint)
                deliver_now()
                clock.shift(timedelta(days=2))
            hook.endpoint.refresh_from_db()
            assert hook.endpoint.disabled_at is None
            assert hook.endpoint.failing_since == START + timedelta(days=4)

    def test_nothing_is_sent_for_those_switched_off(
        self, hook: Hook, receiver: Receiver, owner: User
    ) -> None:
        send_test(endpoint=hook.endpoint)
        User.objects.filter(pk=owner.pk).update(is_active=False)
        assert deliver_now().error_code == "webhook_inactive"
        assert receiver.received == []

    def test_by_hand(self, hook: Hook) -> None:
        assert switch_off(endpoint=hook.endpoint)
        assert not switch_off(endpoint=hook.endpoint)
        assert (hook.endpoint.failing_since, bool(hook.endpoint.disabled_at)) == (None, True)


def test_sending_again_is_the_same_message(hook: Hook, receiver: Receiver) -> None:
    delivery = send_test(endpoint=hook.endpoint)
    deliver_now()
    resend(delivery=delivery)
    again = deliver_now()
    assert again.pk == delivery.pk
    assert len(again.attempts) == 2
    first, second = receiver.received
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


def test_a_new_secret_counts_at_once(hook: Hook, receiver: Receiver) -> None:
    send_test(endpoint=hook.endpoint)
    secret = rotate_secret(endpoint=hook.endpoint)
    deliver_now()
    assert len(receiver.verified(secret)) == 1


def test_a_secret_that_cannot_be_read(hook: Hook, receiver: Receiver, settings: Settings) -> None:
    send_test(endpoint=hook.endpoint)
    settings.SECRET_KEY = "another one"
    delivery = deliver_now()
    assert (delivery.status, delivery.error_code) == (Status.FAILED, "unreadable_secret")
    assert receiver.received == []


def test_a_webhook_that_goes_meanwhile(hook: Hook, receiver: Receiver) -> None:
    """Deleted while its message is on the way: nothing is left, nothing raises."""
    send_test(endpoint=hook.endpoint)
    claimed = claim_next(WebhookDelivery, worker="w")
    assert claimed
    hook.endpoint.delete()
    deliver(*claimed)
    assert receiver.received == []
    assert not WebhookDelivery.objects.exists()


def test_the_newest_twenty_attempts_are_kept(hook: Hook, receiver: Receiver) -> None:
    delivery = send_test(endpoint=hook.endpoint)
    old = {"at": START.isoformat(), "status": 500, "error": "x", "ms": 1}
    WebhookDelivery.objects.filter(pk=delivery.pk).update(attempts=[old] * 20)
    attempts = deliver_now().attempts
    assert len(attempts) == 20
    assert attempts[-1]["status"] == 204


@pytest.mark.parametrize("url", HOSTILE)
def test_hostile_addresses_get_nothing(
    url: str, hook: Hook, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where an address is in the table already, as after a name has changed its meaning."""

    def never(*args: object, **kwargs: object) -> socket.socket:
        raise AssertionError(f"connected to {args}")

    settings.IMPORT_NETWORKS = []
    settings.WEBHOOK_PORTS = [80, 443]
    WebhookEndpoint.objects.update(url=url)
    send_test(endpoint=hook.endpoint)
    monkeypatch.setattr(socket, "create_connection", never)
    delivery = deliver_now()
    assert delivery.status == Status.QUEUED
    assert delivery.response_status is None
    assert delivery.error_message.endswith(".")


def send_to(owner: User, settings: Settings, behaviour: Behaviour) -> WebhookDelivery:
    with serving(behaviour) as server:
        allow(settings, server.port)
        endpoint, _secret = make_endpoint(owner=owner, url=server.url, site=SITE)
        send_test(endpoint=endpoint)
        return deliver_now()


class TestAwkwardServers:
    @pytest.fixture(autouse=True)
    def soon(self, monkeypatch: pytest.MonkeyPatch) -> None:
        usual = webhooks.webhook_policy
        monkeypatch.setattr(webhook_sending, "webhook_policy", lambda: usual(seconds=0.6))

    def test_silence(self, owner: User, settings: Settings) -> None:
        began = monotonic()
        delivery = send_to(owner, settings, lambda connection: sleep(2))
        assert monotonic() - began < 5
        assert delivery.error_message == "The other server took too long."

    def test_a_drop_at_a_time(self, owner: User, settings: Settings) -> None:
        def drip(connection: socket.socket) -> None:
            connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            for _ in range(100):
                connection.sendall(b"x")
                sleep(0.05)

        began = monotonic()
        delivery = send_to(owner, settings, drip)
        assert monotonic() - began < 5
        assert (delivery.status, delivery.response_status) == (Status.QUEUED, None)

    def test_an_endless_answer(self, owner: User, settings: Settings) -> None:
        sent = []

        def endless(connection: socket.socket) -> None:
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            for _ in range(2000):
                connection.sendall(b"x" * 10_000)
                sent.append(10_000)

        delivery = send_to(owner, settings, endless)
        assert delivery.status == Status.DONE, "its status has said so"
        assert sum(sent) < 20_000_000, "it was cut off"
        assert "x" * 100 not in str(delivery.attempts)

    def test_a_bomb_is_not_unpacked(self, owner: User, settings: Settings) -> None:
        packed = answering(b"\x1f\x8b not gzip", "Content-Encoding: gzip")
        assert send_to(owner, settings, packed).status == Status.DONE

    @pytest.mark.parametrize(
        "garbage", [b"", b"\x00\xff" * 50, b"HTTP/1.1 abc\r\n\r\n", b"SSH-2.0\r\n"]
    )
    def test_garbage(self, owner: User, settings: Settings, garbage: bytes) -> None:
        delivery = send_to(owner, settings, lambda connection: connection.sendall(garbage))
        assert (delivery.status, delivery.response_status) == (Status.QUEUED, None)


def test_nothing_secret_in_the_log(
    hook: Hook, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.answers = [500, 410]
    for _ in range(2):
        send_test(endpoint=hook.endpoint)
        deliver_now()
    text = caplog.text
    assert "for=tests" not in text
    assert hook.secret not in text
    assert "webhook-signature" not in text


def test_old_messages_are_forgotten(hook: Hook) -> None:
    old, young, waiting = (send_test(endpoint=hook.endpoint) for _ in range(3))
    long_ago = timezone.now() - DELIVERIES_KEPT - timedelta(minutes=1)
    WebhookDelivery.objects.filter(pk=old.pk).update(status=Status.DONE, finished_at=long_ago)
    WebhookDelivery.objects.filter(pk=young.pk).update(
        status=Status.DONE, finished_at=timezone.now()
    )
    WebhookDelivery.objects.filter(pk=waiting.pk).update(created_at=long_ago)
    assert forget_deliveries() == 1
    assert set(WebhookDelivery.objects.values_list("pk", flat=True)) == {young.pk, waiting.pk}


def test_they_go_with_the_account(hook: Hook, owner: User) -> None:
    send_test(endpoint=hook.endpoint)
    owner.delete()
    assert not WebhookEndpoint.objects.exists()
    assert not WebhookDelivery.objects.exists()
