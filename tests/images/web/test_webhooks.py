"""The pages of webhooks."""

import re
from ipaddress import ip_network

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from images.models import Status, WebhookDelivery, WebhookEndpoint
from images.services.sealing import unseal
from images.services.webhook_events import send_test
from images.services.webhooks import TESTS_AT_ONCE, make_endpoint, switch_off
from tests.accounts.people import PASSWORD, sign_in

pytestmark = pytest.mark.django_db

LIST = "/account/webhooks/"
PUBLIC = "https://8.8.8.8/hook"


@pytest.fixture
def endpoint(owner: User) -> WebhookEndpoint:
    return make_endpoint(owner=owner, url=PUBLIC, site="https://cut.example")[0]


@pytest.fixture
def recent(owner: User) -> Client:
    """Somebody who has just signed in."""
    return sign_in(owner)


def page_of(endpoint: WebhookEndpoint) -> str:
    return reverse("web:webhook", args=[endpoint.pk])


def test_from_the_account(owner_client: Client) -> None:
    assert f'href="{LIST}"' in owner_client.get("/account/").content.decode()


class TestAdding:
    def test_the_secret_is_shown_once(self, recent: Client) -> None:
        form = {"url": PUBLIC, "description": "Shop", "events": ["cutout.done", "batch.done"]}
        page = recent.post(LIST, form).content.decode()
        endpoint = WebhookEndpoint.objects.get()
        secret = unseal(endpoint.secret)
        assert secret in page
        assert endpoint.events == ["cutout.done", "batch.done"]
        assert endpoint.site == "http://testserver"
        for address in (LIST, page_of(endpoint)):
            again = recent.get(address).content.decode()
            assert PUBLIC in again
            assert secret not in again

    def test_needs_proof(self, owner_client: Client) -> None:
        asked = owner_client.post(LIST, {"url": PUBLIC})
        assert asked["Location"].startswith(reverse("account_reauthenticate"))
        assert not WebhookEndpoint.objects.exists()
        form = {"password": PASSWORD, "next": LIST}
        page = owner_client.post(asked["Location"], form).content.decode()
        assert unseal(WebhookEndpoint.objects.get().secret) in page

    @pytest.mark.parametrize(
        ("form", "message"),
        [
            ({"url": "http://127.0.0.1/"}, "does not belong to the public internet"),
            ({"url": "gopher://8.8.8.8/"}, "must begin with https://"),
            ({"url": ""}, "This field is required"),
            ({"url": PUBLIC, "events": ["x"]}, "Select a valid choice"),
            ({"url": PUBLIC, "events": ["webhook.test"]}, "Select a valid choice"),
            ({"url": f"{PUBLIC}\0"}, "Null characters are not allowed"),
        ],
    )
    def test_what_is_wrong(self, recent: Client, form: dict[str, object], message: str) -> None:
        assert message in recent.post(LIST, form).content.decode()
        assert not WebhookEndpoint.objects.exists()

    def test_says_which_addresses_will_do(self, recent: Client, settings: Settings) -> None:
        assert "A public address." in recent.get(LIST).content.decode()
        settings.IMPORT_NETWORKS = [ip_network("127.0.0.0/8")]
        assert "one of the networks" in recent.get(LIST).content.decode()

    def test_the_guide(self, recent: Client) -> None:
        """Beside the secret it opens elsewhere, since that is shown this once."""
        assert 'href="/help/webhooks/"' in recent.get(LIST).content.decode()
        page = recent.post(LIST, {"url": PUBLIC}).content.decode()
        assert 'href="/help/webhooks/#verifying" target="_blank"' in page
        assert 'href="/help/webhooks/">' not in page
        endpoint = WebhookEndpoint.objects.get()
        assert 'href="/help/webhooks/"' in recent.get(page_of(endpoint)).content.decode()

    def test_where_it_is_switched_off(self, recent: Client, settings: Settings) -> None:
        settings.WEBHOOKS = False
        assert "sends no messages" in recent.get(LIST).content.decode()
        assert "sends no webhooks" in recent.post(LIST, {"url": PUBLIC}).content.decode()


class TestChanging:
    def test_fields(self, owner_client: Client, endpoint: WebhookEndpoint) -> None:
        form = {"url": PUBLIC, "description": "Shop", "events": ["batch.done"]}
        assert owner_client.post(page_of(endpoint), form).status_code == 302
        endpoint.refresh_from_db()
        assert (endpoint.description, endpoint.events) == ("Shop", ["batch.done"])
        page = owner_client.get(page_of(endpoint)).content.decode()
        assert re.search(r'value="batch.done"[^>]*checked', page)
        assert not re.search(r'value="cutout.done"[^>]*checked', page)

    def test_another_address_needs_proof(
        self, owner_client: Client, recent: Client, endpoint: WebhookEndpoint
    ) -> None:
        form = {"url": "https://8.8.4.4/"}
        asked = owner_client.post(page_of(endpoint), form)
        assert asked["Location"].startswith(reverse("account_reauthenticate"))
        endpoint.refresh_from_db()
        assert endpoint.url == PUBLIC
        recent.post(page_of(endpoint), form)
        endpoint.refresh_from_db()
        assert endpoint.url == "https://8.8.4.4/"

    def test_a_hostile_address(self, recent: Client, endpoint: WebhookEndpoint) -> None:
        page = recent.post(page_of(endpoint), {"url": "http://10.0.0.1/"}).content.decode()
        assert "does not belong to the public internet" in page

    def test_off_and_on(self, owner_client: Client, endpoint: WebhookEndpoint) -> None:
        switch = reverse("web:webhook_switch", args=[endpoint.pk])
        owner_client.post(switch, {"to": "off"})
        endpoint.refresh_from_db()
        assert endpoint.disabled_at is not None
        assert "Switch on" in owner_client.get(page_of(endpoint)).content.decode()
        owner_client.post(switch, {"to": "on"})
        assert WebhookEndpoint.objects.get().disabled_at is None

    def test_given_up(self, owner_client: Client, endpoint: WebhookEndpoint) -> None:
        switch_off(endpoint=endpoint, given_up=True)
        assert "given up" in owner_client.get(LIST).content.decode()
        page = owner_client.get(page_of(endpoint)).content.decode()
        assert "is told nothing more" in page
        assert reverse("web:webhook_test", args=[endpoint.pk]) not in page

    def test_a_new_secret(
        self, owner_client: Client, recent: Client, endpoint: WebhookEndpoint
    ) -> None:
        address = reverse("web:webhook_secret", args=[endpoint.pk])
        asked = owner_client.post(address)
        assert asked["Location"].startswith(reverse("account_reauthenticate"))
        assert WebhookEndpoint.objects.get().secret == endpoint.secret
        page = recent.post(address).content.decode()
        assert WebhookEndpoint.objects.get().secret != endpoint.secret
        assert unseal(WebhookEndpoint.objects.get().secret) in page

    def test_deleting(self, owner_client: Client, endpoint: WebhookEndpoint) -> None:
        send_test(endpoint=endpoint)
        owner_client.post(reverse("web:webhook_delete", args=[endpoint.pk]))
        assert not WebhookEndpoint.objects.exists()
        assert not WebhookDelivery.objects.exists()


class TestMessages:
    def test_a_test(self, owner_client: Client, endpoint: WebhookEndpoint) -> None:
        address = reverse("web:webhook_test", args=[endpoint.pk])
        page = owner_client.post(address, follow=True).content.decode()
        assert "A test is on its way" in page
        assert "webhook.test" in page
        assert "waiting" in page
        switch_off(endpoint=endpoint)
        assert "Switch it on first" in owner_client.post(address, follow=True).content.decode()
        assert WebhookDelivery.objects.count() == 1

    def test_so_many_tests(self, owner_client: Client, endpoint: WebhookEndpoint) -> None:
        address = reverse("web:webhook_test", args=[endpoint.pk])
        for _ in range(TESTS_AT_ONCE):
            owner_client.post(address)
        assert "Please wait a minute" in owner_client.post(address, follow=True).content.decode()
        assert WebhookDelivery.objects.count() == TESTS_AT_ONCE

    def test_sending_again(self, owner_client: Client, endpoint: WebhookEndpoint) -> None:
        delivery = send_test(endpoint=endpoint)
        address = reverse("web:resend", args=[delivery.pk])
        assert address not in owner_client.get(page_of(endpoint)).content.decode()
        assert "still on its way" in owner_client.post(address, follow=True).content.decode()
        WebhookDelivery.objects.update(status=Status.FAILED, error_message="Answered with 500.")
        page = owner_client.get(page_of(endpoint)).content.decode()
        assert address in page
        assert "Answered with 500." in page
        owner_client.post(address)
        delivery.refresh_from_db()
        assert delivery.status == Status.QUEUED

    @pytest.mark.parametrize("count", [1, 3])
    def test_queries(
        self,
        owner_client: Client,
        endpoint: WebhookEndpoint,
        count: int,
        django_assert_num_queries: DjangoAssertNumQueries,
    ) -> None:
        for _ in range(count):
            send_test(endpoint=endpoint)
        owner_client.get(page_of(endpoint))
        with django_assert_num_queries(4):  # session, person, webhook, messages
            page = owner_client.get(page_of(endpoint)).content.decode()
        assert page.count("<code>webhook.test</code>") == count


@pytest.mark.parametrize("count", [1, 3])
def test_queries(
    owner: User,
    owner_client: Client,
    count: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(count):
        make_endpoint(owner=owner, url=PUBLIC, site="")
    owner_client.get(LIST)
    with django_assert_num_queries(3):  # session, person, webhooks
        page = owner_client.get(LIST).content.decode()
    assert page.count('href="/account/webhooks/') == 2 * count


def test_nothing_inline(owner_client: Client, endpoint: WebhookEndpoint) -> None:
    """The policy forbids it, so it would silently not work."""
    for address in (LIST, page_of(endpoint)):
        page = owner_client.get(address).content.decode()
        assert " style=" not in page
        assert " onclick=" not in page
