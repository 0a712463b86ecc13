"""Which messages are written, for whom, and what they say."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings
from rest_framework.test import APIClient

from accounts.models import User
from images.models import Batch, Cutout, Image, Status, WebhookDelivery, WebhookEvent
from images.queue.claims import cancel, claim_next, fail, finish, put_back
from images.services.batches import create_batch
from images.services.cutouts import request_cutout, retry_cutout
from images.services.trash import move_to_trash
from images.services.webhook_events import send_test, tell_cutout, tell_late_batches
from images.services.webhooks import WebhookInactive, switch_off
from images.tasks import run_next_cutout
from tests.factories import submit
from tests.images.webhooks.conftest import SITE, Hook, Receiver, make_hook

pytestmark = pytest.mark.django_db


def messages(**which: Any) -> list[dict[str, Any]]:
    rows = WebhookDelivery.objects.filter(**which).order_by("created_at", "event")
    return [json.loads(row.payload) for row in rows]


def submit_to(batch: Batch) -> Image:
    image = submit(batch.owner)
    Image.objects.filter(pk=image.pk).update(batch=batch)
    return image


@pytest.fixture
def batch(owner: User) -> Batch:
    return create_batch(owner=owner, name="Shoes")


def test_a_finished_cutout(hook: Hook, owner: User) -> None:
    image = submit(owner, "shoe.png")
    assert messages() == []
    run_next_cutout()
    (message,) = messages()
    assert message["type"] == "cutout.done"
    assert message["timestamp"].startswith(str(timezone.now().year))
    told = message["data"]["image"]
    cutout = image.cutouts.get()
    assert (told["id"], told["original_name"]) == (str(image.pk), "shoe.png")
    assert told["original_url"] == SITE + reverse("api:image-original", args=[image.pk])
    assert told["cutout"] == message["data"]["cutout"]
    assert told["thumbnail_url"].startswith(SITE)
    assert message["data"]["cutout"]["id"] == str(cutout.pk)
    assert message["data"]["cutout"]["status"] == "done"
    assert message["data"]["cutout"]["rendition_url"].startswith(SITE)


def test_the_text_is_compact(hook: Hook, image: Image) -> None:
    text = WebhookDelivery.objects.get().payload
    assert text == json.dumps(json.loads(text), separators=(",", ":"))


def test_final_failures_only(hook: Hook, owner: User) -> None:
    submit(owner)
    for attempt in range(Cutout.max_failures):
        assert messages() == [], attempt
        claimed = claim_next(Cutout, worker="w")
        assert claimed
        put_back(Cutout, claimed[1], delay=0, code="internal_error", message="Oh.")
    (message,) = messages()
    assert message["type"] == "cutout.failed"
    assert message["data"]["cutout"]["error_code"] == "too_many_attempts"
    assert message["data"]["image"]["thumbnail_url"] is None


def test_cancelled_ones_have_failed(hook: Hook, queued_image: Image) -> None:
    cancel(queued_image.cutouts.get())
    assert [message["type"] for message in messages()] == ["cutout.failed"]


def test_a_rolled_back_end_is_not_told(hook: Hook, queued_image: Image) -> None:
    claimed = claim_next(Cutout, worker="w")
    assert claimed
    with transaction.atomic():
        fail(Cutout, claimed[1], "x", "X.")
        transaction.set_rollback(True)
    assert messages() == []


def test_only_what_was_asked_for(owner: User, receiver: Receiver) -> None:
    make_hook(owner, receiver.url, events=["cutout.failed"])
    done = make_hook(owner, receiver.url, events=["cutout.done", "batch.done"])
    submit(owner)
    run_next_cutout()
    assert WebhookDelivery.objects.get().endpoint == done.endpoint


def test_nobody_else_is_told(hook: Hook, stranger: User) -> None:
    submit(stranger)
    run_next_cutout()
    assert messages() == []


def test_not_where_it_is_switched_off(hook: Hook, owner: User, settings: Settings) -> None:
    settings.WEBHOOKS = False
    submit(owner)
    run_next_cutout()
    settings.WEBHOOKS = True
    switch_off(endpoint=hook.endpoint)
    submit(owner)
    run_next_cutout()
    assert messages() == []


def test_passing_pictures_are_not_told(hook: Hook, queued_image: Image) -> None:
    later = timezone.now() + timedelta(hours=1)
    Image.objects.filter(pk=queued_image.pk).update(expires_at=later)
    run_next_cutout()
    assert messages() == []


def test_each_site_has_its_own_addresses(hook: Hook, owner: User, receiver: Receiver) -> None:
    other = make_hook(owner, receiver.url)
    other.endpoint.site = "http://inside.example:8000"
    other.endpoint.save()
    submit(owner)
    run_next_cutout()
    (message,) = messages(endpoint=other.endpoint)
    assert message["data"]["image"]["preview_url"].startswith("http://inside.example:8000/api/")
    (message,) = messages(endpoint=hook.endpoint)
    assert message["data"]["image"]["preview_url"].startswith(f"{SITE}/api/")


def test_below_a_path(hook: Hook, image: Image, settings: Settings) -> None:
    settings.COOKIE_PATH = "/clearcut/"
    try:
        delivery = send_test(endpoint=hook.endpoint)
    finally:
        settings.COOKIE_PATH = "/"
        send_test(endpoint=hook.endpoint)
    told = json.loads(delivery.payload)["data"]["image"]
    assert told["preview_url"].startswith(f"{SITE}/clearcut/api/v1/")


def test_one_query_without_endpoints(
    image: Image, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    cutout_id = image.current_cutout_id
    assert cutout_id is not None
    with django_assert_num_queries(1):
        tell_cutout(cutout_id=cutout_id, event=WebhookEvent.CUTOUT_DONE)


@pytest.mark.parametrize("count", [1, 3])
def test_queries_do_not_grow_with_endpoints(
    count: int, owner: User, image: Image, receiver: Receiver
) -> None:
    for _ in range(count):
        make_hook(owner, receiver.url)
    cutout_id = image.current_cutout_id
    assert cutout_id is not None
    with CaptureQueriesContext(connection) as captured:
        tell_cutout(cutout_id=cutout_id, event=WebhookEvent.CUTOUT_DONE)
    assert WebhookDelivery.objects.count() == count
    assert len(captured) <= 6, [query["sql"] for query in captured]


class TestTests:
    def test_without_pictures(self, hook: Hook) -> None:
        send_test(endpoint=hook.endpoint)
        (message,) = messages()
        assert message["type"] == "webhook.test"
        assert message["data"] == {"test": True, "image": None, "cutout": None}

    def test_with_the_newest_finished_one(self, hook: Hook, image: Image, stranger: User) -> None:
        WebhookDelivery.objects.all().delete()
        submit(stranger)
        run_next_cutout()
        submit(image.owner)  # not finished
        send_test(endpoint=hook.endpoint)
        (message,) = messages()
        assert message["data"]["image"]["id"] == str(image.pk)
        assert message["data"]["cutout"]["id"] == str(image.current_cutout_id)

    def test_not_while_switched_off(self, hook: Hook) -> None:
        switch_off(endpoint=hook.endpoint)
        with pytest.raises(WebhookInactive):
            send_test(endpoint=hook.endpoint)


class TestBatches:
    def of_batches(self) -> list[dict[str, Any]]:
        return [message["data"] for message in messages(event="batch.done")]

    def test_when_the_last_one_ends(self, hook: Hook, batch: Batch) -> None:
        for _ in range(3):
            submit_to(batch)
        run_next_cutout()
        run_next_cutout()
        assert self.of_batches() == []
        claimed = claim_next(Cutout, worker="w")
        assert claimed
        fail(Cutout, claimed[1], "nothing_found", "Nothing.")
        counts = {"total": 3, "done": 2, "failed": 1, "needs_look": 0}
        assert self.of_batches() == [{"id": str(batch.pk), "name": "Shoes", "counts": counts}]

    def test_as_many_as_expected(self, hook: Hook, owner: User) -> None:
        batch = create_batch(owner=owner, expected=2)
        submit_to(batch)
        run_next_cutout()
        assert self.of_batches() == []
        submit_to(batch)
        run_next_cutout()
        assert [told["counts"]["done"] for told in self.of_batches()] == [2]

    def test_again_when_more_came(self, hook: Hook, batch: Batch) -> None:
        for _ in range(2):
            submit_to(batch)
            run_next_cutout()
        assert [told["counts"]["total"] for told in self.of_batches()] == [1, 2]

    def test_again_after_a_retry(self, hook: Hook, batch: Batch) -> None:
        image = submit_to(batch)
        claimed = claim_next(Cutout, worker="w")
        assert claimed
        fail(Cutout, claimed[1], "nothing_found", "Nothing.")
        retry_cutout(cutout=image.cutouts.get())
        run_next_cutout()
        told = self.of_batches()
        assert [(one["counts"]["done"], one["counts"]["failed"]) for one in told] == [
            (0, 1),
            (1, 0),
        ]

    def test_again_after_another_run(self, hook: Hook, batch: Batch) -> None:
        image = submit_to(batch)
        run_next_cutout()
        request_cutout(image=image)
        run_next_cutout()
        assert [told["counts"]["done"] for told in self.of_batches()] == [1, 1]

    def test_fewer_came_than_were_expected(self, hook: Hook, batch: Batch, api: APIClient) -> None:
        Batch.objects.update(expected=2)
        submit_to(batch)
        run_next_cutout()
        assert self.of_batches() == []
        assert tell_late_batches() == 0
        address = f"/api/v1/batches/{batch.pk}/"
        for expected in (3, 1, 1):
            assert api.patch(address, {"expected": expected}).status_code == 200
        assert [told["counts"]["total"] for told in self.of_batches()] == [1]

    def test_told_once_even_if_asked_twice(self, hook: Hook, batch: Batch) -> None:
        image = submit_to(batch)
        run_next_cutout()
        tell_cutout(cutout_id=image.cutouts.get().pk, event=WebhookEvent.CUTOUT_DONE)
        assert len(self.of_batches()) == 1

    def test_its_last_picture_is_deleted(self, hook: Hook, batch: Batch) -> None:
        submit_to(batch)
        run_next_cutout()
        last = submit_to(batch)
        Batch.objects.update(announced=0)
        WebhookDelivery.objects.all().delete()
        assert tell_late_batches() == 0, "it is under way"
        move_to_trash(images=Image.objects.filter(pk=last.pk))
        assert tell_late_batches() == 1
        assert tell_late_batches() == 0
        assert [told["counts"]["total"] for told in self.of_batches()] == [1]

    def test_late_ones_are_for_those_who_were_there(self, batch: Batch, receiver: Receiver) -> None:
        submit_to(batch)
        run_next_cutout()
        make_hook(batch.owner, receiver.url)
        assert tell_late_batches() == 0

    def test_a_batch_that_is_gone(self, hook: Hook, batch: Batch) -> None:
        image = submit_to(batch)
        batch.delete()
        run_next_cutout()
        assert self.of_batches() == []
        assert image.cutouts.get().status == Status.DONE


def test_edited_cutouts_count(hook: Hook, image: Image) -> None:
    """Whatever finishes a cutout, its end is told."""
    WebhookDelivery.objects.all().delete()
    edited = Cutout.objects.create(
        pk=uuid4(),
        image=image,
        owner=image.owner,
        engine="drawn",
        kind=Cutout.Kind.EDITED,
        extract_spec="engine=drawn",
    )
    claimed = claim_next(Cutout, worker="w")
    assert claimed
    assert claimed[0] == edited

    finish(Cutout, claimed[1], matte="matte.png")
    (message,) = messages()
    assert message["data"]["cutout"]["kind"] == "edited"
    assert message["data"]["image"]["cutout"]["id"] == str(edited.pk)
