"""What may happen to messages at the same moment, on either database."""

import threading
from collections.abc import Callable
from functools import partial

import pytest
from django.db import connection

from images.models import Cutout, Image, WebhookDelivery, WebhookEndpoint
from images.queue.claims import Claim, claim_next, fail, finish
from images.services.batches import create_batch
from images.services.webhooks import delete_endpoint
from tests.databases import SharedDatabase
from tests.factories import UserFactory
from tests.images.queue.conftest import make_cutout, make_image

ROUNDS = 15


@pytest.fixture(params=["shared_file", "shared_server"])
def database(request: pytest.FixtureRequest) -> SharedDatabase:
    database: SharedDatabase = request.getfixturevalue(request.param)
    return database


def test_a_batch_is_told_once_and_never_not_at_all(database: SharedDatabase) -> None:
    owner = UserFactory.create()
    WebhookEndpoint.objects.create(owner=owner, url="https://192.0.2.1/", events=["batch.done"])
    for number in range(ROUNDS):
        batch = create_batch(owner=owner, name=str(number))
        for _ in range(2):
            cutout = make_cutout(owner, make_image(owner))
            Image.objects.filter(pk=cutout.image_id).update(batch=batch, latest_cutout=cutout)
        claims = [claim_next(Cutout, worker="w") for _ in range(2)]
        start = threading.Barrier(2)
        errors: list[BaseException] = []

        def end(
            claim: Claim,
            fails: bool,
            start: threading.Barrier = start,
            errors: list[BaseException] = errors,
        ) -> None:
            try:
                start.wait(10)
                if fails:
                    assert fail(Cutout, claim, "nothing_found", "Nothing.")
                else:
                    assert finish(Cutout, claim, matte="matte.png")
            except BaseException as error:
                errors.append(error)
            finally:
                connection.close()

        threads = [
            threading.Thread(target=end, args=[found[1], number % 3 == place])
            for place, found in enumerate(claims)
            if found
        ]
        assert len(threads) == 2
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert errors == []
        assert WebhookDelivery.objects.count() == number + 1, f"round {number}"


def test_a_webhook_is_deleted_while_messages_are_written(database: SharedDatabase) -> None:
    """Neither the cutout nor the deletion fails by it, and nothing is left."""
    owner = UserFactory.create()
    for number in range(ROUNDS):
        endpoint = WebhookEndpoint.objects.create(owner=owner, url="https://192.0.2.1/")
        make_cutout(owner, make_image(owner), extract_spec="engine=drawn")
        found = claim_next(Cutout, worker="w")
        assert found
        start = threading.Barrier(2)
        errors: list[BaseException] = []
        acts: list[Callable[[], object]] = [
            partial(finish, Cutout, found[1], matte="matte.png"),
            partial(delete_endpoint, endpoint=endpoint),
        ]

        def act(
            act: Callable[[], object],
            start: threading.Barrier = start,
            errors: list[BaseException] = errors,
        ) -> None:
            try:
                start.wait(10)
                act()
            except BaseException as error:
                errors.append(error)
            finally:
                connection.close()

        threads = [threading.Thread(target=act, args=[one]) for one in acts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert errors == [], f"round {number}"
        assert not WebhookDelivery.objects.exists()
        assert not WebhookEndpoint.objects.exists()
