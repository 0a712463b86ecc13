"""Tags, as programs use them."""

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import ApiToken, User
from images.models import Image, Tag
from images.services.tags import set_tags
from images.services.trash import move_to_trash
from tests.factories import picture_file, submit
from tests.images.api.test_images import IMAGES, only_error, upload

pytestmark = pytest.mark.django_db

TAGS = "/api/v1/tags/"


class TestUpload:
    @pytest.mark.parametrize("sent", ["b, A ,,", ["b", "A"], ["b,A", ""]])
    def test_repeated_or_with_commas(self, api: APIClient, sent: Any) -> None:
        assert upload(api, tags=sent).json()["tags"] == ["A", "b"]

    @pytest.mark.parametrize(
        ("sent", "code"),
        [
            ("x" * 51, "invalid_tag"),
            (",".join(map(str, range(21))), "too_many_tags"),
            (",".join(map(str, range(5000))), "too_many_tags"),
        ],
    )
    def test_refused(self, api: APIClient, sent: str, code: str) -> None:
        response = upload(api, tags=sent)
        assert response.status_code == 400
        error = only_error(response)
        assert (error["code"], error["attr"]) == (code, "tags")
        assert not Image.objects.exists()

    def test_too_many_words_in_all(self, api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("images.services.tags.MAX_TAGS_PER_PERSON", 1)
        response = upload(api, tags="a,b")
        assert response.status_code == 402
        assert only_error(response)["code"] == "tag_limit_reached"
        assert not Image.objects.exists()


class TestChange:
    @pytest.fixture
    def address(self, queued_image: Image) -> str:
        set_tags(image=queued_image, names=["old", "kept"])
        return f"{IMAGES}{queued_image.pk}/"

    def test_replaced(self, api: APIClient, address: str) -> None:
        assert api.patch(address, {"tags": ["Kept", "new"]}).json()["tags"] == ["kept", "new"]
        assert api.patch(address, {"title": "x"}).json()["tags"] == ["kept", "new"]
        assert api.patch(address, {"tags": []}).json()["tags"] == []
        assert not Tag.objects.exists()

    def test_by_form(self, api: APIClient, address: str) -> None:
        def patch(**fields: Any) -> Any:
            return api.patch(address, fields, format="multipart").json()

        assert patch(tags="a, b")["tags"] == ["a", "b"]
        assert patch(title="x")["tags"] == ["a", "b"]
        assert api.patch(address, {"favourite": True}).json()["favourite"]
        assert patch(tags="") | {"tags": None} == patch(title="x") | {"tags": None}
        body = api.get(address).json()
        assert (body["tags"], body["favourite"]) == ([], True)

    @pytest.mark.parametrize(
        "tags",
        [
            "a",
            None,
            1,
            {"a": 1},
            [[]],
            [{}],
            [None],
            [""],
            ["a,b"],
            ["a\0"],
            ["\u202f"],
        ],
    )
    def test_wrong(self, api: APIClient, address: str, tags: Any) -> None:
        response = api.patch(address, {"tags": tags})
        assert response.status_code == 400
        assert only_error(response)["attr"].startswith("tags")
        assert Tag.objects.count() == 2

    def test_half_a_character(self, api: APIClient, address: str) -> None:
        response = api.generic("PATCH", address, r'{"tags": ["\ud800"]}', "application/json")
        assert response.status_code == 400

    def test_a_hundred_thousand(self, api: APIClient, address: str) -> None:
        response = api.patch(address, {"tags": [None] * 100_000})
        assert only_error(response)["code"] == "too_many_tags"


class TestLists:
    def test_filter(self, api: APIClient, owner: User) -> None:
        tagged, other = submit(owner), submit(owner)
        set_tags(image=tagged, names=["Straße", "b"])
        set_tags(image=other, names=["c"])

        def found(query: str) -> list[str]:
            return [item["id"] for item in api.get(IMAGES, {"tag": query}).json()["results"]]

        assert found("STRASSE") == found("b") == [str(tagged.pk)]
        assert found("none") == []
        assert len(found("")) == 2
        assert api.get(f"{IMAGES}?tag=%00").status_code == 400

    def test_with_the_number_of_pictures(self, api: APIClient, owner: User, stranger: User) -> None:
        first, second, gone = (submit(owner) for _ in range(3))
        set_tags(image=first, names=["b", "a"])
        set_tags(image=second, names=["a"])
        set_tags(image=gone, names=["a"])
        set_tags(image=submit(stranger), names=["foreign"])
        move_to_trash(images=Image.objects.filter(pk=gone.pk))
        body = api.get(TAGS).json()
        assert body["results"] == [{"name": "a", "images": 2}, {"name": "b", "images": 1}]
        page = api.get(f"{TAGS}?page_size=1").json()
        assert page["results"] == [{"name": "a", "images": 2}]
        assert api.get(page["next"]).json()["results"] == [{"name": "b", "images": 1}]

    @pytest.mark.parametrize("cursor", ["cD0A", "nonsense", "cD1hJTAw"])
    def test_odd_cursors(self, api: APIClient, cursor: str) -> None:
        assert api.get(f"{TAGS}?cursor={cursor}").status_code == 404

    @pytest.mark.parametrize("count", [1, 3])
    def test_queries_do_not_grow(
        self,
        api: APIClient,
        owner: User,
        count: int,
        django_assert_num_queries: DjangoAssertNumQueries,
    ) -> None:
        for number in range(count):
            set_tags(image=submit(owner), names=["all", str(number)])
        ApiToken.objects.get().touch()
        with django_assert_num_queries(2):  # the token with its user, the tags
            assert len(api.get(TAGS).json()["results"]) == count + 1
        with django_assert_num_queries(3):  # the token, the pictures, their tags
            results = api.get(IMAGES).json()["results"]
        assert all("all" in item["tags"] for item in results)


def test_a_file_is_needed_all_the_same(api: APIClient) -> None:
    response = api.post(IMAGES, {"tags": ["a"]})
    assert response.status_code == 400
    assert only_error(response)["attr"] == "file"
    made = api.post(IMAGES, {"file": picture_file(), "tags": "a"}, format="multipart")
    assert made.json()["tags"] == ["a"]
