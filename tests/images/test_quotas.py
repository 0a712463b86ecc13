"""Limits hold exactly, and nobody pays for what they did not get."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import pytest
import time_machine
from django.db import connection
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from images.models import Cutout, Image, MonthlyUsage, Usage
from images.queue.claims import cancel, claim_next
from images.services.cutouts import request_cutout, retry_cutout
from images.services.quotas import (
    CutoutLimitReached,
    ImageLimitReached,
    StorageLimitReached,
    month_of,
)
from images.services.trash import move_to_trash, purge
from images.services.usage import usage_of
from images.tasks import run_next_cutout
from processing.errors import UnknownEngine
from processing.spec import ExtractSpec
from tests.factories import UserFactory, picture_file, submit

pytestmark = pytest.mark.django_db


def limit(user: User, **limits: int) -> User:
    for name, value in limits.items():
        setattr(user, name, value)
    user.save(update_fields=list(limits))
    return user


def blank(owner: User) -> Image:
    """A picture in which nothing can be found."""
    return submit(owner, "blank.png", size=(1, 1))


class TestPictures:
    def test_no_limit_by_default(self, owner: User) -> None:
        for _ in range(3):
            submit(owner)
        assert usage_of(owner).images == 3

    def test_number(self, owner: User) -> None:
        limit(owner, max_images=1)
        submit(owner)
        with pytest.raises(ImageLimitReached):
            submit(owner)
        assert Image.objects.count() == Usage.objects.get().images == 1

    def test_bytes(self, owner: User) -> None:
        size = submit(owner).byte_size
        limit(owner, max_bytes=2 * size)
        submit(owner)
        with pytest.raises(StorageLimitReached):
            submit(owner)
        assert usage_of(owner).bytes == 2 * size

    def test_a_limit_below_what_is_there(self, owner: User) -> None:
        submit(owner)
        limit(owner, max_bytes=1, max_images=0)
        with pytest.raises(ImageLimitReached):
            submit(owner)

    def test_a_refused_upload_leaves_no_file(self, owner: User, settings: Settings) -> None:
        limit(owner, max_images=0)
        with pytest.raises(ImageLimitReached):
            submit(owner)
        assert [path for path in settings.MEDIA_ROOT.rglob("*") if path.is_file()] == []
        assert usage_of(owner).cutouts_this_month == 0

    def test_the_trash_counts_until_it_is_emptied(self, owner: User) -> None:
        submit(owner)
        move_to_trash(images=Image.objects.all())
        assert usage_of(owner).images == 1
        purge(images=Image.objects.all())
        assert (usage_of(owner).images, usage_of(owner).bytes) == (0, 0)

    def test_other_people_have_limits_of_their_own(self, owner: User, stranger: User) -> None:
        limit(owner, max_images=0)
        assert submit(stranger).pk

    def test_a_counter_that_is_wrong_stops_no_deletion(self, owner: User) -> None:
        submit(owner)
        Usage.objects.update(images=0, bytes=1)
        purge(images=Image.objects.all())
        assert (usage_of(owner).images, usage_of(owner).bytes) == (0, 0)


class TestCutouts:
    def test_number(self, owner: User) -> None:
        limit(owner, max_cutouts_per_month=1)
        submit(owner)
        with pytest.raises(CutoutLimitReached):
            submit(owner)
        assert Image.objects.count() == 1

    def test_running_again_counts(self, image: Image) -> None:
        limit(image.owner, max_cutouts_per_month=2)
        request_cutout(image=image)
        run_next_cutout()
        image.refresh_from_db()
        with pytest.raises(CutoutLimitReached):
            request_cutout(image=image)
        assert usage_of(image.owner).cutouts_this_month == 2

    def test_done_counts_even_when_deleted(self, image: Image) -> None:
        purge(images=Image.objects.all())
        assert usage_of(image.owner).cutouts_this_month == 1

    def test_deleted_before_it_was_done_does_not_count(self, queued_image: Image) -> None:
        purge(images=Image.objects.all())
        assert usage_of(queued_image.owner).cutouts_this_month == 0

    def test_deleted_while_it_runs_counts(self, queued_image: Image) -> None:
        """Else engine time would be free for whoever deletes in time."""
        assert claim_next(Cutout, worker="host/1:1:1")
        purge(images=Image.objects.all())
        assert usage_of(queued_image.owner).cutouts_this_month == 1

    def test_failed_does_not_count(self, owner: User) -> None:
        blank(owner)
        assert usage_of(owner).cutouts_this_month == 1
        run_next_cutout()
        assert Cutout.objects.get().status == "failed"
        assert usage_of(owner).cutouts_this_month == 0

    def test_cancelled_does_not_count(self, queued_image: Image) -> None:
        cutout = Cutout.objects.get()
        assert cancel(cutout)
        assert usage_of(queued_image.owner).cutouts_this_month == 0
        assert not cancel(cutout)
        assert usage_of(queued_image.owner).cutouts_this_month == 0

    def test_another_try_counts_again(self, queued_image: Image) -> None:
        cutout = Cutout.objects.get()
        cancel(cutout)
        limit(queued_image.owner, max_cutouts_per_month=0)
        with pytest.raises(CutoutLimitReached):
            retry_cutout(cutout=cutout)
        cutout.refresh_from_db()
        assert cutout.status == "failed"
        limit(queued_image.owner, max_cutouts_per_month=1)
        retry_cutout(cutout=cutout)
        assert usage_of(queued_image.owner).cutouts_this_month == 1

    def test_a_failed_one_deleted_is_given_back_once(self, owner: User) -> None:
        submit(owner)
        run_next_cutout()
        blank(owner)
        run_next_cutout()
        purge(images=Image.objects.all())
        assert usage_of(owner).cutouts_this_month == 1

    def test_a_new_month_begins_empty(self, owner: User) -> None:
        limit(owner, max_cutouts_per_month=1)
        with time_machine.travel(datetime(2031, 1, 31, 23, 59, tzinfo=UTC), tick=False):
            submit(owner)
            with pytest.raises(CutoutLimitReached):
                submit(owner)
        with time_machine.travel(datetime(2031, 2, 1, 0, 0, tzinfo=UTC), tick=False):
            submit(owner)
        months = MonthlyUsage.objects.order_by("month").values_list("month", "cutouts")
        assert list(months) == [(date(2031, 1, 1), 1), (date(2031, 2, 1), 1)]

    def test_months_are_those_of_the_place(self, settings: Settings) -> None:
        settings.TIME_ZONE = "Pacific/Auckland"
        assert month_of(datetime(2031, 1, 31, 12, 0, tzinfo=UTC)) == date(2031, 2, 1)

    def test_an_engine_of_the_catalog_that_is_not_offered_costs_nothing(self, image: Image) -> None:
        before = usage_of(image.owner).cutouts_this_month
        with pytest.raises(UnknownEngine):
            request_cutout(image=image, extract_spec=ExtractSpec.parse({"engine": "nowhere"}))
        assert usage_of(image.owner).cutouts_this_month == before


class TestAnswers:
    def test_api(self, api: APIClient, owner: User) -> None:
        limit(owner, max_images=0)
        response = api.post("/api/v1/images/", {"file": picture_file()}, format="multipart")
        assert response.status_code == 402
        assert response.json()["errors"][0]["code"] == "image_limit_reached"

    def test_account(self, api: APIClient, owner: User) -> None:
        limit(owner, max_cutouts_per_month=5)
        limits = api.get("/api/v1/account/").json()["limits"]
        assert (limits["images"], limits["bytes"], limits["cutouts_per_month"]) == (None, None, 5)

    def test_page(self, owner_client: Client, owner: User) -> None:
        limit(owner, max_cutouts_per_month=1234)
        assert "1,234" in owner_client.get("/account/").content.decode()

    def test_upload_without_scripts(self, owner_client: Client, owner: User) -> None:
        limit(owner, max_images=0)
        page = owner_client.post("/workspace/", {"files": picture_file()}, follow=True)
        assert "as many pictures here as your account allows" in page.content.decode()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("limits", "expected"),
    [({"max_images": 5}, 5), ({"max_cutouts_per_month": 4}, 4)],
)
def test_many_at_once_stop_at_the_limit(limits: dict[str, int], expected: int) -> None:
    owner = limit(UserFactory.create(), **limits)
    barrier = threading.Barrier(12)

    outcomes = _at_once(12, lambda: (barrier.wait(), submit(owner)))
    assert outcomes.count("done") == expected
    assert Image.objects.count() == usage_of(owner).images == expected
    assert usage_of(owner).cutouts_this_month == expected


@pytest.mark.django_db(transaction=True)
def test_many_at_once_do_not_exceed_the_bytes() -> None:
    owner = UserFactory.create()
    size = submit(owner).byte_size
    limit(owner, max_bytes=4 * size + size // 2)
    barrier = threading.Barrier(10)
    _at_once(10, lambda: (barrier.wait(), submit(owner)))
    assert usage_of(owner).bytes == 4 * size


def _at_once(count: int, act: Callable[[], object]) -> list[str]:
    def attempt(_: int) -> str:
        try:
            act()
        except (ImageLimitReached, StorageLimitReached, CutoutLimitReached) as error:
            return error.code
        finally:
            connection.close()
        return "done"

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(attempt, range(count)))
