"""What is changed at the moment in which somebody deletes it: refused, and not made anew."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db.models.signals import post_init
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from images.models import Backdrop, Batch, Preset, WebhookEndpoint
from images.services.backdrops import add_backdrop
from images.services.batches import create_batch
from images.services.presets import create_preset
from images.services.webhooks import make_endpoint
from tests.accounts.people import sign_in
from tests.factories import picture_file

pytestmark = pytest.mark.django_db

Delete = Callable[[Any], None]


@pytest.fixture
def deleted_once_read() -> Iterator[Delete]:
    """Deletes a row as soon as somebody has read it."""
    receivers: list[tuple[Any, Any]] = []

    def watch(row: Any) -> None:
        model = type(row)

        def delete(instance: Any, **kwargs: Any) -> None:
            if instance.pk == row.pk:
                post_init.disconnect(delete, sender=model)
                model._default_manager.filter(pk=row.pk).delete()

        post_init.connect(delete, sender=model, weak=False)
        receivers.append((delete, model))

    yield watch
    for receiver, model in receivers:
        post_init.disconnect(receiver, sender=model)


@pytest.mark.parametrize(
    ("make", "path", "body", "code"),
    [
        (
            lambda owner: add_backdrop(owner=owner, file=picture_file())[0],
            "backdrops",
            {"name": "b"},
            "backdrop_gone",
        ),
        (
            lambda owner: create_preset(owner=owner, name="a", params={}),
            "presets",
            {"name": "b"},
            "preset_gone",
        ),
        (lambda owner: create_batch(owner=owner), "batches", {"name": "b"}, "batch_gone"),
        (
            lambda owner: make_endpoint(owner=owner, url="https://8.8.8.8/", site="")[0],
            "webhooks",
            {"description": "b"},
            "webhook_gone",
        ),
        (
            lambda owner: make_endpoint(owner=owner, url="https://8.8.8.8/", site="")[0],
            "webhooks",
            {"active": True},
            "webhook_gone",
        ),
    ],
)
def test_changed_while_deleted(
    api: APIClient,
    owner: User,
    make: Callable[[User], Any],
    path: str,
    body: dict[str, Any],
    code: str,
    deleted_once_read: Delete,
) -> None:
    row = make(owner)
    deleted_once_read(row)
    response = api.patch(f"/api/v1/{path}/{row.pk}/", body, format="json")
    assert response.status_code == 404, response.content
    assert response.json()["errors"][0]["code"] == code
    for model in (Backdrop, Preset, Batch, WebhookEndpoint):
        assert not model._default_manager.exists()


def test_a_batch_deleted_twice(api: APIClient, owner: User, deleted_once_read: Delete) -> None:
    batch = create_batch(owner=owner)
    deleted_once_read(batch)
    assert api.delete(f"/api/v1/batches/{batch.pk}/").status_code == 404


class TestWebhooks:
    @pytest.fixture
    def endpoint(self, owner: User, deleted_once_read: Delete) -> WebhookEndpoint:
        endpoint = make_endpoint(owner=owner, url="https://8.8.8.8/", site="")[0]
        deleted_once_read(endpoint)
        return endpoint

    @pytest.mark.parametrize("act", ["test", "rotate-secret"])
    def test_over_the_api(self, api: APIClient, endpoint: WebhookEndpoint, act: str) -> None:
        response = api.post(f"/api/v1/webhooks/{endpoint.pk}/{act}/")
        assert response.status_code == 404
        assert response.json()["errors"][0]["code"] == "webhook_gone"

    @pytest.mark.parametrize("act", ["webhook_secret", "webhook_switch", "webhook_test"])
    def test_on_pages(self, owner: User, endpoint: WebhookEndpoint, act: str) -> None:
        client: Client = sign_in(owner)
        answer = client.post(reverse(f"web:{act}", args=[endpoint.pk]), {"to": "on"})
        assert answer.status_code == 302
        assert not WebhookEndpoint.objects.exists()
