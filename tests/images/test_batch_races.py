"""A batch that is deleted while pictures come in and are finished, on either database."""

from typing import Any

import pytest

from images.models import Batch, Cutout, Image, WebhookEndpoint
from images.queue.claims import claim_next, finish
from images.services.batches import BatchGone, create_batch, delete_batch
from images.services.uploads import submit_image
from tests.concurrency import at_once
from tests.databases import SharedDatabase
from tests.factories import UserFactory, picture_file

ROUNDS = 8
UPLOADS = 3


@pytest.fixture(params=["shared_file", "shared_server"])
def database(request: pytest.FixtureRequest) -> SharedDatabase:
    database: SharedDatabase = request.getfixturevalue(request.param)
    return database


@pytest.mark.usefixtures("database")
def test_deleted_while_pictures_come_in() -> None:
    owner = UserFactory.create()
    WebhookEndpoint.objects.create(owner=owner, url="https://192.0.2.1/")
    for _ in range(ROUNDS):
        batch = create_batch(owner=owner)
        for _ in range(4):
            submit_image(owner=owner, file=picture_file(), batch=batch)

        def put_in(batch: Batch = batch) -> None:
            submit_image(owner=owner, file=picture_file(), batch=batch)

        claims = [claim_next(Cutout, worker="w") for _ in range(4)]

        def end_some(claims: list[Any] = claims) -> None:
            """Holds each picture before its batch."""
            for _row, claim in claims:
                assert finish(Cutout, claim, matte="matte.png")

        def delete(batch: Batch = batch) -> None:
            delete_batch(batch=batch)

        errors = at_once(*[put_in] * UPLOADS, end_some, delete)
        assert all(isinstance(error, BatchGone) for error in errors), errors
        assert not Batch.objects.exists()
    kept = Image.objects.count()
    assert ROUNDS * 4 <= kept <= ROUNDS * (4 + UPLOADS)
    assert not Image.objects.exclude(batch=None).exists()


@pytest.mark.usefixtures("database")
def test_deleted_twice_at_once() -> None:
    batch = create_batch(owner=UserFactory.create())
    errors = at_once(*[lambda: delete_batch(batch=batch)] * 3)
    assert [type(error) for error in errors] == [BatchGone] * 2
