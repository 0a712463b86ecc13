"""Webhooks over the API."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core import mail
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings
from rest_framework.test import APIClient
from standardwebhooks import Webhook

from accounts.models import User
from images.models import Status, WebhookDelivery, WebhookEndpoint
from images.services.webhook_events import send_test
from images.services.webhooks import MAX_ENDPOINTS, TESTS_AT_ONCE, make_endpoint
from tests.accounts.people import sign_in

pytestmark = pytest.mark.django_db

URL = "/api/v1/webhooks/"
PUBLIC = "https://8.8.8.8/hook"


def first_error(response: Any) -> tuple[int, str, str | None]:
    error = response.json()["errors"][0]
    return response.status_code, error["code"], error["attr"]


@pytest.fixture
def endpoint(owner: User) -> WebhookEndpoint:
    return make_endpoint(owner=owner, url=PUBLIC, site="https://cut.example")[0]


def delivery_to(endpoint: WebhookEndpoint, status: str = Status.DONE) -> WebhookDelivery:
    delivery = send_test(endpoint=endpoint)
    WebhookDelivery.objects.filter(pk=delivery.pk).update(
        status=status, finished_at=timezone.now(), response_status=204
    )
    delivery.refresh_from_db()
    return delivery


def test_making_one(api: APIClient, owner: User) -> None:
    sent = {"url": PUBLIC, "events": ["cutout.failed", "cutout.done", "cutout.done"]}
    response = api.post(URL, sent | {"description": "Shop"})
    assert response.status_code == 201, response.content
    told = response.json()
    endpoint = WebhookEndpoint.objects.get()
    assert response.headers["Location"].endswith(f"{URL}{endpoint.pk}/")
    assert told["events"] == ["cutout.done", "cutout.failed"]
    assert (told["url"], told["description"], told["active"]) == (PUBLIC, "Shop", True)
    assert told["secret"].startswith("whsec_")
    Webhook(told["secret"])  # can be read by the specification's library
    assert told["secret"] not in endpoint.secret
    assert (endpoint.owner, endpoint.site) == (owner, "http://testserver")
    again = api.get(f"{URL}{endpoint.pk}/")
    assert "secret" not in again.json()
    assert told["secret"] not in again.content.decode() + api.get(URL).content.decode()


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, (400, "required", "url")),
        ({"url": ""}, (400, "blank", "url")),
        ({"url": None}, (400, "null", "url")),
        ({"url": []}, (400, "invalid", "url")),
        ({"url": "http://127.0.0.1/"}, (400, "address_refused", "url")),
        ({"url": "http://10.1.2.3/"}, (400, "address_refused", "url")),
        ({"url": "https://8.8.8.8:22/"}, (400, "address_refused", "url")),
        ({"url": "ftp://8.8.8.8/"}, (400, "address_refused", "url")),
        ({"url": "https://a:b@8.8.8.8/"}, (400, "address_refused", "url")),
        ({"url": "https://8.8.8.8/\0"}, (400, "null_characters_not_allowed", "url")),
        ({"url": "https://8.8.8.8/" + "a" * 2000}, (400, "max_length", "url")),
        ({"url": PUBLIC, "events": "all"}, (400, "not_a_list", "events")),
        ({"url": PUBLIC, "events": ["other"]}, (400, "invalid_choice", "events.0")),
        ({"url": PUBLIC, "events": ["webhook.test"]}, (400, "invalid_choice", "events.0")),
        ({"url": PUBLIC, "events": [{}]}, (400, "invalid_choice", "events.0")),
        ({"url": PUBLIC, "events": ["batch.done"] * 30}, (400, "max_length", "events")),
        ({"url": PUBLIC, "events": ["x"] * 100_000}, (400, "max_length", "events")),
        ({"url": PUBLIC, "description": "x" * 201}, (400, "max_length", "description")),
        ({"url": PUBLIC, "description": 10**400}, (400, "max_length", "description")),
        ([], (400, "invalid", "non_field_errors")),
        ("x", (400, "invalid", "non_field_errors")),
    ],
)
def test_what_is_wrong(api: APIClient, body: Any, error: tuple[int, str, str | None]) -> None:
    response = api.post(URL, body)
    assert first_error(response) == error, response.content
    assert not WebhookEndpoint.objects.exists()


def test_null_counts_as_left_out(api: APIClient, endpoint: WebhookEndpoint) -> None:
    response = api.post(URL, {"url": PUBLIC, "events": None, "description": None})
    assert response.status_code == 201, response.content
    assert (response.json()["events"], response.json()["description"]) == ([], "")
    changed = api.patch(f"{URL}{endpoint.pk}/", {"events": None})
    assert first_error(changed) == (400, "null", "events")


def test_a_limit(api: APIClient, owner: User) -> None:
    for _ in range(MAX_ENDPOINTS):
        assert api.post(URL, {"url": PUBLIC}).status_code == 201
    assert first_error(api.post(URL, {"url": PUBLIC}))[:2] == (402, "webhook_limit_reached")
    assert WebhookEndpoint.objects.count() == MAX_ENDPOINTS


def test_switched_off_as_a_whole(
    api: APIClient, endpoint: WebhookEndpoint, settings: Settings
) -> None:
    delivery = delivery_to(endpoint)
    settings.WEBHOOKS = False
    assert first_error(api.post(URL, {"url": PUBLIC}))[:2] == (400, "webhooks_off")
    assert first_error(api.post(f"{URL}{endpoint.pk}/test/"))[:2] == (400, "webhooks_off")
    resend = api.post(f"/api/v1/deliveries/{delivery.pk}/resend/")
    assert first_error(resend)[:2] == (400, "webhooks_off")
    assert api.get(URL).status_code == 200
    assert api.delete(f"{URL}{endpoint.pk}/").status_code == 204


def test_changing(api: APIClient, endpoint: WebhookEndpoint) -> None:
    address = f"{URL}{endpoint.pk}/"
    sent = {"url": "https://8.8.4.4/", "events": ["batch.done"], "description": "B"}
    told = api.patch(address, sent).json()
    assert {name: told[name] for name in sent} == sent
    assert api.patch(address, {}).json() == told
    assert api.patch(address, {"events": []}).json()["events"] == []
    assert first_error(api.patch(address, {"url": "http://[::1]/"}))[1] == "address_refused"
    assert first_error(api.patch(address, {"active": "perhaps"}))[1] == "invalid"
    assert api.get(address).json()["url"] == "https://8.8.4.4/"
    assert api.put(address, sent).status_code == 405


def test_another_address_begins_anew(api: APIClient, endpoint: WebhookEndpoint) -> None:
    """What the old one failed to do is not held against it."""
    address = f"{URL}{endpoint.pk}/"
    WebhookEndpoint.objects.update(failing_since=timezone.now() - timedelta(days=2))
    assert api.patch(address, {"url": PUBLIC}).json()["failing_since"] is not None
    assert api.patch(address, {"url": "https://8.8.4.4/"}).json()["failing_since"] is None


def test_switching_off_and_on(api: APIClient, endpoint: WebhookEndpoint) -> None:
    address = f"{URL}{endpoint.pk}/"
    waiting = send_test(endpoint=endpoint)
    told = api.patch(address, {"active": False}).json()
    assert told["active"] is False
    assert told["disabled_at"] is not None
    assert told["failing_since"] is None
    waiting.refresh_from_db()
    assert (waiting.status, waiting.error_code) == (Status.FAILED, "webhook_inactive")
    assert first_error(api.post(f"{address}test/"))[:2] == (409, "webhook_inactive")
    resend = api.post(f"/api/v1/deliveries/{waiting.pk}/resend/")
    assert first_error(resend)[:2] == (409, "webhook_inactive")
    told = api.patch(address, {"active": True}).json()
    assert (told["active"], told["disabled_at"]) == (True, None)


def test_a_new_secret(api: APIClient, endpoint: WebhookEndpoint) -> None:
    before = endpoint.secret
    response = api.post(f"{URL}{endpoint.pk}/rotate-secret/")
    assert response.status_code == 200
    assert set(response.json()) == {"secret"}
    endpoint.refresh_from_db()
    assert endpoint.secret != before


def test_deleting(api: APIClient, endpoint: WebhookEndpoint) -> None:
    send_test(endpoint=endpoint)
    assert api.delete(f"{URL}{endpoint.pk}/").status_code == 204
    assert not WebhookDelivery.objects.exists()
    assert api.get(f"{URL}{endpoint.pk}/").status_code == 404


class TestDeliveries:
    def test_one(self, api: APIClient, endpoint: WebhookEndpoint) -> None:
        delivery = send_test(endpoint=endpoint)
        told = api.get(f"/api/v1/deliveries/{delivery.pk}/").json()
        assert told["message_id"] == f"msg_{delivery.pk.hex}"
        assert told["webhook"] == str(endpoint.pk)
        assert told["event"] == "webhook.test"
        assert (told["status"], told["attempts"]) == ("queued", [])
        assert told["next_attempt_at"] is not None
        assert told["payload"] == delivery.payload

    def test_list(self, api: APIClient, endpoint: WebhookEndpoint, stranger: User) -> None:
        other, _secret = make_endpoint(owner=stranger, url=PUBLIC, site="")
        delivery_to(other)
        old, new = delivery_to(endpoint), delivery_to(endpoint, Status.FAILED)
        WebhookDelivery.objects.filter(pk=old.pk).update(
            created_at=timezone.now() - timedelta(hours=1)
        )
        address = f"{URL}{endpoint.pk}/deliveries/"
        told = api.get(address).json()
        assert [one["id"] for one in told["results"]] == [str(new.pk), str(old.pk)]
        assert "payload" not in told["results"][0]
        failed = api.get(address, {"status": "failed"}).json()["results"]
        assert [one["id"] for one in failed] == [str(new.pk)]
        assert first_error(api.get(address, {"status": "x"}))[1:] == ("invalid_choice", "status")
        page = api.get(address, {"page_size": 1}).json()
        assert [one["id"] for one in api.get(page["next"]).json()["results"]] == [str(old.pk)]
        assert api.get(f"{URL}{other.pk}/deliveries/").status_code == 404
        assert api.get(f"{URL}{uuid4()}/deliveries/").status_code == 404

    @pytest.mark.parametrize("count", [1, 3])
    def test_queries(
        self,
        api: APIClient,
        endpoint: WebhookEndpoint,
        count: int,
        django_assert_num_queries: DjangoAssertNumQueries,
    ) -> None:
        for _ in range(count):
            delivery_to(endpoint)
        address = f"{URL}{endpoint.pk}/deliveries/"
        api.get(address)
        with django_assert_num_queries(3):  # the key, the webhook, the page
            assert len(api.get(address).json()["results"]) == count

    def test_sending_again(self, api: APIClient, endpoint: WebhookEndpoint) -> None:
        delivery = delivery_to(endpoint, Status.FAILED)
        address = f"/api/v1/deliveries/{delivery.pk}/resend/"
        response = api.post(address)
        assert response.status_code == 202
        assert response.json()["status"] == "queued"
        assert response.json()["message_id"] == f"msg_{delivery.pk.hex}"
        assert first_error(api.post(address))[:2] == (409, "delivery_pending")
        delivery.refresh_from_db()
        assert (delivery.claims, delivery.failures, delivery.error_code) == (0, 0, "")

    def test_a_test(self, api: APIClient, endpoint: WebhookEndpoint) -> None:
        response = api.post(f"{URL}{endpoint.pk}/test/")
        assert response.status_code == 202
        delivery = WebhookDelivery.objects.get()
        assert UUID(response.json()["id"]) == delivery.pk
        assert delivery.event == "webhook.test"

    def test_so_many_tests(self, api: APIClient, endpoint: WebhookEndpoint, owner: User) -> None:
        """Those that wait count, others for a minute; other webhooks have their own."""
        address = f"{URL}{endpoint.pk}/test/"
        for _ in range(TESTS_AT_ONCE):
            assert api.post(address).status_code == 202
        refused = api.post(address)
        assert first_error(refused)[:2] == (503, "too_many_by_hand")
        assert refused.headers["Retry-After"] == "60"
        other = make_endpoint(owner=owner, url=PUBLIC, site="")[0]
        assert api.post(f"{URL}{other.pk}/test/").status_code == 202
        WebhookDelivery.objects.update(queued_at=timezone.now() - timedelta(minutes=2))
        assert api.post(address).status_code == 503
        WebhookDelivery.objects.update(status=Status.DONE)
        assert api.post(address).status_code == 202

    def test_so_many_sent_again(
        self, api: APIClient, endpoint: WebhookEndpoint, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("images.services.webhooks.SENT_AGAIN_AT_ONCE", 2)
        rows = [delivery_to(endpoint, Status.FAILED) for _ in range(3)]
        earlier = timezone.now() - timedelta(minutes=5)
        WebhookDelivery.objects.update(created_at=earlier, queued_at=earlier)
        addresses = [f"/api/v1/deliveries/{row.pk}/resend/" for row in rows]
        assert [api.post(address).status_code for address in addresses] == [202, 202, 503]
        WebhookDelivery.objects.update(status=Status.DONE)
        assert api.post(addresses[0]).status_code == 503
        past = timezone.now() - timedelta(minutes=2)
        WebhookDelivery.objects.update(queued_at=past)
        assert api.post(addresses[0]).status_code == 202


@pytest.mark.parametrize("count", [1, 3])
def test_queries(
    api: APIClient, owner: User, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(count):
        make_endpoint(owner=owner, url=PUBLIC, site="")
    api.get(URL)
    with django_assert_num_queries(2):  # the key, the page
        assert len(api.get(URL).json()["results"]) == count


class TestKeys:
    """What a key leaves behind is told to its owner."""

    def test_mail(self, api: APIClient, settings: Settings) -> None:
        settings.HAS_MAIL_SERVER = True
        endpoint = api.post(URL, {"url": "https://8.8.8.8/a?b=1&c=2"}).json()
        (letter,) = mail.outbox
        assert letter.to == ["owner@example.com"]
        assert "“Tests”" in letter.body
        assert "https://8.8.8.8/a?b=1&c=2" in letter.body
        api.patch(f"{URL}{endpoint['id']}/", {"description": "x"})
        assert len(mail.outbox) == 1
        api.patch(f"{URL}{endpoint['id']}/", {"url": "https://8.8.4.4/"})
        api.post(f"{URL}{endpoint['id']}/rotate-secret/")
        assert len(mail.outbox) == 3

    def test_not_of_what_people_do_themselves(self, owner: User, settings: Settings) -> None:
        settings.HAS_MAIL_SERVER = True
        as_json: dict[str, Any] = {"data": {"url": PUBLIC}, "content_type": "application/json"}
        assert sign_in(owner).post(URL, **as_json).status_code == 201
        assert mail.outbox == []

    def test_an_old_session_needs_proof(self, owner: User, endpoint: WebhookEndpoint) -> None:
        """As for keys: what it makes would outlive it."""
        client = APIClient()
        client.force_login(owner)
        address = f"{URL}{endpoint.pk}/"
        for refused in (
            client.post(URL, {"url": PUBLIC}),
            client.patch(address, {"url": "https://8.8.4.4/"}),
            client.post(f"{address}rotate-secret/"),
        ):
            assert first_error(refused)[:2] == (403, "proof_needed")
        assert client.patch(address, {"url": PUBLIC, "active": False}).status_code == 200
        assert WebhookEndpoint.objects.get().url == PUBLIC


@pytest.mark.parametrize("field", ["url", "description"])
def test_half_characters(api: APIClient, field: str) -> None:
    body = json.dumps({"url": PUBLIC} | {field: "https://8.8.8.8/\ud800"})
    response = api.post(URL, body, content_type="application/json")
    assert response.status_code == 400
    assert not WebhookEndpoint.objects.exists()
