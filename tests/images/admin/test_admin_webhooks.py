"""Webhooks in the admin site: found, looked at, switched off, sent again."""

from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from images.models import Status, WebhookDelivery, WebhookEndpoint
from images.services.webhook_events import send_test
from images.services.webhooks import make_endpoint, switch_off
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

WEBHOOKS = reverse("admin:images_webhookendpoint_changelist")
DELIVERIES = reverse("admin:images_webhookdelivery_changelist")
Row = WebhookEndpoint | WebhookDelivery


def webhook_of(user: User) -> WebhookEndpoint:
    return make_endpoint(owner=user, url="https://8.8.8.8/token-of-theirs", site="")[0]


def delivery_to(endpoint: WebhookEndpoint, status: str = Status.FAILED) -> WebhookDelivery:
    delivery = send_test(endpoint=endpoint)
    WebhookDelivery.objects.filter(pk=delivery.pk).update(status=status, error_message="Oh.")
    return delivery


def found(client: Client, address: str, **query: str) -> set[Row]:
    return set(client.get(address, query).context["cl"].result_list)


def act(client: Client, address: str, action: str, *rows: Row) -> str:
    chosen = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    return client.post(address, chosen, follow=True).content.decode()


@pytest.fixture
def endpoint(owner: User) -> WebhookEndpoint:
    return webhook_of(owner)


def test_switching_off(admin_client: Client, endpoint: WebhookEndpoint) -> None:
    waiting = delivery_to(endpoint, Status.QUEUED)
    page = act(admin_client, WEBHOOKS, "switch_off", endpoint)
    assert "1 webhook is switched off." in page
    endpoint.refresh_from_db()
    waiting.refresh_from_db()
    assert endpoint.disabled_at is not None
    assert waiting.status == Status.FAILED
    assert LogEntry.objects.get().object_id == str(endpoint.pk)
    assert "0 webhooks are switched off." in act(admin_client, WEBHOOKS, "switch_off", endpoint)


def test_sending_again(admin_client: Client, endpoint: WebhookEndpoint, stranger: User) -> None:
    off = webhook_of(stranger)
    left = [delivery_to(endpoint, Status.QUEUED), delivery_to(off)]
    switch_off(endpoint=off)
    failed = delivery_to(endpoint)
    page = act(admin_client, DELIVERIES, "send_again", failed, *left)
    assert "1 message is sent again." in page
    assert "2 were left as they are" in page
    failed.refresh_from_db()
    assert (failed.status, failed.error_message) == (Status.QUEUED, "")
    assert LogEntry.objects.get().object_id == str(failed.pk)


def test_looking_is_not_acting(endpoint: WebhookEndpoint) -> None:
    delivery = delivery_to(endpoint)
    viewer = UserFactory.create(is_staff=True)
    names = ["view_webhookendpoint", "view_webhookdelivery"]
    viewer.user_permissions.set(Permission.objects.filter(codename__in=names))
    client = Client()
    client.force_login(viewer)
    assert found(client, WEBHOOKS) == {endpoint}
    assert found(client, DELIVERIES) == {delivery}
    act(client, WEBHOOKS, "switch_off", endpoint)
    act(client, DELIVERIES, "send_again", delivery)
    endpoint.refresh_from_db()
    delivery.refresh_from_db()
    assert (endpoint.disabled_at, delivery.status) == (None, Status.FAILED)


def details(client: Client, endpoint: WebhookEndpoint) -> list[str]:
    """All pages of the site that show something of it."""
    delivery = delivery_to(endpoint)
    act(client, WEBHOOKS, "switch_off", endpoint)
    addresses = (
        WEBHOOKS,
        DELIVERIES,
        reverse("admin:images_webhookendpoint_change", args=[endpoint.pk]),
        reverse("admin:images_webhookendpoint_history", args=[endpoint.pk]),
        reverse("admin:images_webhookdelivery_change", args=[delivery.pk]),
        reverse("admin:admin_logentry_changelist"),
    )
    return [client.get(address).content.decode() for address in addresses]


def test_details(admin_client: Client, endpoint: WebhookEndpoint) -> None:
    """Neither the secret, nor what was said."""
    for page in details(admin_client, endpoint):
        assert "8.8.8.8" in page
        assert endpoint.secret not in page
        assert "&quot;image&quot;" not in page


def test_paths_of_addresses_are_not_shown(admin_client: Client, endpoint: WebhookEndpoint) -> None:
    """At many services they are the password."""
    for page in details(admin_client, endpoint):
        assert "token-of-theirs" not in page


def test_searching(admin_client: Client, endpoint: WebhookEndpoint, stranger: User) -> None:
    delivery = delivery_to(endpoint)
    delivery_to(webhook_of(stranger))
    for address, row in ((WEBHOOKS, endpoint), (DELIVERIES, delivery)):
        for text in (str(row.pk), "owner@example.com"):
            assert found(admin_client, address, q=text) == {row}
        for text in (str(uuid4()), "nobody@example.com", "token-of-theirs"):
            assert found(admin_client, address, q=text) == set()
        assert found(admin_client, address, owner=str(endpoint.owner_id)) == {row}


def test_states(admin_client: Client, endpoint: WebhookEndpoint, stranger: User) -> None:
    off = webhook_of(stranger)
    switch_off(endpoint=off, given_up=True)
    assert found(admin_client, WEBHOOKS, state="on") == {endpoint}
    assert found(admin_client, WEBHOOKS, state="off") == {off}
    assert found(admin_client, WEBHOOKS, state="failing") == {off}
    failed = delivery_to(endpoint)
    delivery_to(endpoint, Status.DONE)
    assert found(admin_client, DELIVERIES, status="failed") == {failed}


@pytest.mark.parametrize("count", [1, 3])
def test_queries(
    admin_client: Client, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(count):
        delivery_to(webhook_of(UserFactory.create()))
    # Session, person, count, page, owners; for messages their webhooks as well.
    for address, queries in ((WEBHOOKS, 5), (DELIVERIES, 6)):
        admin_client.get(address)
        with django_assert_num_queries(queries):
            assert admin_client.get(address).context["cl"].result_count == count
