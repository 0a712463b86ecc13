"""Many pictures at once: /api/v1/images/bulk/ and /api/v1/images/archive/."""

import uuid
from contextlib import ExitStack
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from images.api import bulk
from images.api.filters import ImageFilter
from images.api.serializers import ImageFilterSerializer
from images.models import Batch, Cutout, Image, Status
from images.services.quotas import CutoutLimitReached
from images.services.tags import set_tags
from images.services.trash import move_to_trash
from images.tasks import run_next_cutout
from tests.factories import submit
from tests.images.api.test_images import IMAGES, only_error

pytestmark = pytest.mark.django_db

BULK = f"{IMAGES}bulk/"
ARCHIVE = f"{IMAGES}archive/"


def act(api: APIClient, action: str, **body: Any) -> dict[str, Any]:
    response = api.post(BULK, {"action": action, **body})
    assert response.status_code == 200, response.json()
    answer: dict[str, Any] = response.json()
    return answer


def counts(matched: int, changed: int, **refused: int) -> dict[str, Any]:
    return {
        "matched": matched,
        "changed": changed,
        "refused": refused,
        "remaining": 0,
        "next": None,
    }


@pytest.fixture
def three(owner: User) -> list[Image]:
    return [submit(owner, f"{number}.png") for number in range(3)]


def kept() -> set[uuid.UUID]:
    return set(Image.objects.kept().values_list("pk", flat=True))


class TestTrash:
    def test_by_identifier(self, api: APIClient, three: list[Image], stranger: User) -> None:
        foreign = submit(stranger)
        ids = [
            str(one) for one in (three[0].pk, three[0].pk, three[1].pk, foreign.pk, uuid.uuid4())
        ]
        assert act(api, "delete", ids=ids) == counts(2, 2)
        assert kept() == {three[2].pk, foreign.pk}
        assert act(api, "delete", ids=ids) == counts(2, 0)
        assert act(api, "restore", ids=ids) == counts(2, 2)
        assert act(api, "purge", ids=ids) == counts(2, 2)
        assert set(Image.objects.values_list("pk", flat=True)) == {three[2].pk, foreign.pk}

    def test_all_that_match(self, api: APIClient, three: list[Image], stranger: User) -> None:
        foreign = submit(stranger, "1.png")
        assert act(api, "delete", filter={"search": "1.PNG"}) == counts(1, 1)
        assert kept() == {three[0].pk, three[2].pk, foreign.pk}
        assert act(api, "restore", filter={}) == counts(2, 0)
        assert act(api, "restore", filter={"trash": True}) == counts(1, 1)

    def test_an_empty_filter_means_all_outside_the_trash(
        self, api: APIClient, three: list[Image], stranger: User
    ) -> None:
        foreign = submit(stranger)
        move_to_trash(images=Image.objects.filter(pk=three[0].pk))
        assert act(api, "purge", filter={}) == counts(2, 2)
        assert set(Image.objects.values_list("pk", flat=True)) == {three[0].pk, foreign.pk}

    def test_the_trash_emptied_a_chunk_at_a_time(
        self, api: APIClient, three: list[Image], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("images.services.bulk.CHUNK", 2)
        move_to_trash(images=Image.objects.all())
        assert act(api, "purge", filter={"trash": True}) == counts(3, 3)
        assert not Image.objects.exists()


class TestTags:
    def test_tag_and_untag(self, api: APIClient, three: list[Image]) -> None:
        set_tags(image=three[0], names=[str(number) for number in range(20)])
        assert act(api, "tag", filter={}, tags=["New"]) == counts(3, 2, too_many_tags=1)
        assert act(api, "untag", filter={"tag": "new"}, tags=["NEW", "0"]) == counts(2, 2)
        assert act(api, "untag", ids=[str(one.pk) for one in three], tags=["0"]) == counts(3, 1)

    @pytest.mark.parametrize("tags", [None, [], "a", ["x" * 51], [1], {"a": 1}])
    def test_wrong(self, api: APIClient, image: Image, tags: Any) -> None:
        response = api.post(BULK, {"action": "tag", "filter": {}, "tags": tags})
        assert response.status_code == (200 if tags == [1] else 400)  # text, as JSON fields have it


class TestRerun:
    def test_counts_what_was_refused(self, api: APIClient, three: list[Image]) -> None:
        for _ in range(2):
            run_next_cutout()
        Image.objects.filter(pk=three[0].pk).update(original_deleted_at=three[0].created_at)
        assert act(api, "rerun", filter={}, engine="drawn", roi="10% 10% 90% 90%") == counts(
            3, 1, pending=1, original_deleted=1
        )
        newest = Cutout.objects.filter(image=three[1]).latest("created_at")
        assert newest.status == Status.QUEUED
        assert "roi" in newest.extract_spec

    def test_the_limit_of_the_account(self, api: APIClient, owner: User, image: Image) -> None:
        owner.max_cutouts_per_month = 1
        owner.save(update_fields=["max_cutouts_per_month"])
        assert act(api, "rerun", filter={}) == counts(1, 0, **{CutoutLimitReached.code: 1})

    @pytest.mark.parametrize("name", ["engine", "refine_edges", "roi"])
    def test_wrong_parameters(self, api: APIClient, image: Image, name: str) -> None:
        response = api.post(BULK, {"action": "rerun", "filter": {}, name: "nonsense"})
        assert response.status_code == 400
        assert only_error(response)["attr"] == name
        assert image.cutouts.count() == 1


class TestTime:
    def test_some_at_once(self, api: APIClient, image: Image, settings: Settings) -> None:
        with ExitStack() as held:
            for _ in range(max(1, settings.WEB_THREADS // 4)):
                held.enter_context(bulk._places.taken(uuid.uuid4()))
            response = api.post(BULK, {"action": "delete", "filter": {}})
        assert response.status_code == 503
        assert only_error(response)["code"] == "busy"
        assert kept() == {image.pk}
        assert act(api, "delete", filter={}) == counts(1, 1)

    def test_goes_on_where_it_stopped(
        self, api: APIClient, three: list[Image], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Actions that leave pictures as they match must come to an end, too."""
        monkeypatch.setattr("images.services.bulk.CHUNK", 1)
        monkeypatch.setattr("images.services.bulk.SECONDS", 0.0)
        Image.objects.update(created_at=three[0].created_at)  # the identifier decides
        steps = []
        more: dict[str, str] = {}
        while True:
            answer = act(api, "tag", filter={}, tags=["a"], **more)
            steps.append((answer["matched"], answer["changed"], answer["remaining"]))
            if answer["next"] is None:
                break
            more = {"after": answer["next"]}
        assert steps == [(3, 1, 2), (2, 1, 1), (1, 1, 0)]
        assert all(image.tags.count() == 1 for image in three)

    @pytest.mark.parametrize(
        "after",
        [
            "nonsense",
            "2026-01-01T00:00:00+00:00",
            "2026-01-01T00:00:00+00:00_x",
            f"0001-01-01T00:00:00+14:00_{uuid.UUID(int=1)}",
            "a\0",
        ],
    )
    def test_nonsense(self, api: APIClient, image: Image, after: str) -> None:
        response = api.post(BULK, {"action": "delete", "filter": {}, "after": after})
        assert response.status_code == 400
        assert only_error(response)["attr"] == "after"
        assert kept() == {image.pk}


class TestWhichPictures:
    def test_filters_are_those_of_the_list(self) -> None:
        assert set(ImageFilterSerializer().fields) == set(ImageFilter.base_filters)

    def test_each_filter(self, api: APIClient, owner: User) -> None:
        done = submit(owner, "done.png")
        run_next_cutout()
        batch = Batch.objects.create(owner=owner)
        Image.objects.update(batch=batch, favourite=True)
        set_tags(image=done, names=["a"])
        submit(owner, "waiting.png")
        for wanted in (
            {"status": "done"},
            {"tag": "A"},
            {"favourite": True},
            {"search": "done"},
            {"batch": str(batch.pk)},
            {"status": "done", "engine": "drawn", "created_after": "2020-01-01T00:00:00Z"},
        ):
            assert act(api, "untag", filter=wanted, tags=["x"])["matched"] == 1, wanted
        for nothing in (
            {"engine": "u2net"},
            {"created_before": "2020-01-01T00:00:00+14:00"},
            {"created_after": "2999-01-01T00:00:00Z"},
            {"trash": True},
            {"batch": str(uuid.UUID(int=1))},
        ):
            assert act(api, "untag", filter=nothing, tags=["x"])["matched"] == 0, nothing

    @pytest.mark.parametrize(
        "wanted",
        [
            [],
            "all",
            {"statsu": "done"},
            {"status": "nonsense"},
            {"status": None},
            {"status": ["done"]},
            {"tag": {"a": 1}},
            {"tag": ""},
            {"search": "a\0"},
            {"favourite": "perhaps"},
            {"batch": 10**60},
            {"created_after": "0001-01-01T00:00:00+14:00"},
            {"created_before": 5},
            {"trash": None},
        ],
    )
    def test_wrong_filters_match_nothing(self, api: APIClient, image: Image, wanted: Any) -> None:
        for address in (BULK, ARCHIVE):
            response = api.post(address, {"action": "delete", "filter": wanted})
            assert response.status_code == 400
            assert str(only_error(response)["attr"]).startswith("filter")
        assert kept() == {image.pk}

    def test_half_a_character(self, api: APIClient, image: Image) -> None:
        body = r'{"action": "delete", "filter": {"search": "\ud800"}}'
        assert api.generic("POST", BULK, body, "application/json").status_code == 400

    @pytest.mark.parametrize(
        "body",
        [
            {},
            [],
            "x",
            {"action": "delete"},
            {"action": "explode", "filter": {}},
            {"action": ["delete"], "filter": {}},
            {"action": "delete", "filter": {}, "ids": []},
            {"action": "delete", "filter": None, "ids": None},
            {"action": "delete", "filter": {"tag": None}},
            {"action": "delete", "filter": {"search": None, "trash": None}},
            {"action": "delete", "ids": ["nonsense"]},
            {"action": "delete", "ids": [None, {}, [], -1, 10**60]},
            {"action": "delete", "ids": {}},
            {"action": "delete", "ids": str(uuid.UUID(int=1))},
        ],
    )
    def test_wrong(self, api: APIClient, image: Image, body: Any) -> None:
        assert api.post(BULK, body).status_code == 400
        assert kept() == {image.pk}

    def test_either_or(self, api: APIClient, image: Image) -> None:
        asked: list[tuple[str, dict[str, Any]]] = [(BULK, {"action": "delete"}), (ARCHIVE, {})]
        for path, body in asked:
            both = only_error(api.post(path, {**body, "ids": [], "filter": {}}))
            assert (both["code"], both["attr"]) == ("only_one", "filter")
            neither = only_error(api.post(path, {**body, "ids": None}))
            assert (neither["code"], neither["attr"]) == ("required", "ids")
            assert both["detail"] == neither["detail"]
        assert act(api, "delete", ids=[str(image.pk)], filter=None, tags=None, engine=None) == (
            counts(1, 1)
        )

    def test_a_hundred_thousand(self, api: APIClient) -> None:
        response = api.post(BULK, {"action": "delete", "ids": ["x"] * 100_000})
        assert only_error(response)["code"] == "max_length"
        thousand = [str(uuid.uuid4()) for _ in range(1000)]
        assert act(api, "delete", ids=thousand) == counts(0, 0)

    def test_only_json(self, api: APIClient) -> None:
        response = api.post(BULK, {"action": "delete"}, format="multipart")
        assert response.status_code == 415


class TestArchive:
    @pytest.mark.parametrize(
        "body", [{"ids": []}, {"ids": [str(uuid.UUID(int=1))]}, {"filter": {"tag": "none"}}]
    )
    def test_nothing_that_matches(
        self, api: APIClient, image: Image, stranger: User, body: Any
    ) -> None:
        submit(stranger)
        response = api.post(ARCHIVE, body)
        assert response.status_code == 400
        assert only_error(response)["code"] == "nothing_to_archive"

    def test_nothing_finished(self, api: APIClient, queued_image: Image) -> None:
        response = api.post(ARCHIVE, {"ids": [str(queued_image.pk)]})
        assert self.names(response) == ["missing.txt"]

    def test_null_counts_as_left_out(self, api: APIClient, image: Image) -> None:
        nothing = dict.fromkeys(("ids", "names", "preset", "format"))
        assert self.names(api.post(ARCHIVE, {"filter": {}, **nothing})) == ["disc.png"]

    def names(self, response: Any) -> list[str]:
        assert response.status_code == 200
        return ZipFile(BytesIO(response.getvalue())).namelist()

    def test_any_choice(self, api: APIClient, three: list[Image], stranger: User) -> None:
        foreign = submit(stranger, "foreign.png")
        for _ in range(4):
            run_next_cutout()
        ids = [str(one.pk) for one in (three[2], foreign, three[0])]
        assert self.names(api.post(ARCHIVE, {"ids": ids})) == ["0.png", "2.png"]
        body = {"filter": {"search": "1"}, "format": "webp", "width": 20, "decontaminate": False}
        response = api.post(ARCHIVE, {**body, "names": "{name}-{width}"})
        assert response["Content-Disposition"] == 'attachment; filename="pictures.zip"'
        assert self.names(response) == ["1-20.webp"]

    @pytest.mark.parametrize(
        ("body", "attr"),
        [
            ({"names": "{x}"}, "names"),
            ({"names": ["a"]}, "names"),
            ({"format": ["png"]}, "format"),
            ({"width": {"a": 1}}, "width"),
            ({"width": 10**40}, "width"),
            ({"background": "a\0"}, "background"),
            ({"preset": "a\0"}, "preset"),
            ({"unknown": 1}, "unknown"),
        ],
    )
    def test_wrong(self, api: APIClient, image: Image, body: Any, attr: str) -> None:
        response = api.post(ARCHIVE, {"filter": {}, **body})
        assert response.status_code == 400
        assert only_error(response)["attr"] == attr
        assert self.names(api.post(ARCHIVE, {"filter": {}})) == ["disc.png"], "the place is free"
