"""POST /v1.0/improve: answered alike, kept only by those who have agreed."""

import base64
import json
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import ApiToken, User
from images.models import Cutout, Image, Tag
from images.services.tags import MAX_TAGS_PER_IMAGE, set_tags
from tests.factories import picture_bytes, submit

pytestmark = pytest.mark.django_db
ADDRESS = "/v1.0/improve"


def file(content: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile("dog.png", content or picture_bytes(), "application/octet-stream")


def error(response: Any) -> tuple[int, str]:
    (only,) = response.json()["errors"]
    assert only["title"]
    return response.status_code, only["code"]


def tags_of(image: Image) -> set[str]:
    return set(image.tags.values_list("name", flat=True))


@pytest.fixture
def agreed(owner: User) -> User:
    owner.keep_improvements = True
    owner.save()
    return owner


def sent_as(kind: str, program: Client, **fields: str) -> Any:
    fields = {"image_file_b64": base64.b64encode(picture_bytes()).decode(), **fields}
    if kind == "json":
        return program.post(ADDRESS, json.dumps(fields), content_type="application/json")
    if kind == "urlencoded":
        kind = "application/x-www-form-urlencoded"
        return program.post(ADDRESS, urlencode(fields), content_type=kind)
    return program.post(ADDRESS, fields)


@pytest.mark.parametrize("kind", ["multipart", "urlencoded", "json"])
def test_nothing_is_kept_without_consent(kind: str, program: Client) -> None:
    response = sent_as(kind, program, tag="hair", image_filename="dog.png")
    assert response.status_code == 200, response.content
    assert list(response.json()) == ["id"]
    UUID(response.json()["id"])
    assert not Image.objects.exists()
    assert not Tag.objects.exists()


@pytest.mark.parametrize("kind", ["multipart", "urlencoded", "json"])
def test_with_consent_it_is_a_picture(kind: str, program: Client, agreed: User) -> None:
    response = sent_as(kind, program, tag="hair, fur", image_filename="C:\\pictures\\dog.png")
    image = Image.objects.get()
    assert response.json() == {"id": str(image.pk)}
    assert (image.owner, image.original_name, image.expires_at) == (agreed, "dog.png", None)
    assert tags_of(image) == {"improve", "hair", "fur"}
    assert Cutout.objects.get().image == image


def test_a_file(program: Client, agreed: User) -> None:
    response = program.post(ADDRESS, {"image_file": file()})
    assert response.json() == {"id": str(Image.objects.get().pk)}
    assert Image.objects.get().original_name == "dog.png"
    assert tags_of(Image.objects.get()) == {"improve"}


def test_a_picture_that_is_there_is_tagged(program: Client, agreed: User, stranger: User) -> None:
    submit(stranger)
    image = submit(agreed)
    Image.objects.update(expires_at=timezone.now())
    assert program.post(ADDRESS, {"image_file": file()}).json() == {"id": str(image.pk)}
    image.refresh_from_db()
    assert image.expires_at is None
    assert tags_of(image) == {"improve"}
    assert Image.objects.count() == 2


def test_one_that_has_no_room_for_tags_stays_as_it_is(program: Client, agreed: User) -> None:
    image = submit(agreed)
    set_tags(image=image, names=[str(number) for number in range(MAX_TAGS_PER_IMAGE)])
    Image.objects.update(expires_at=timezone.now())
    assert error(program.post(ADDRESS, {"image_file": file()})) == (400, "invalid_tag")
    image.refresh_from_db()
    assert image.expires_at is not None
    assert "improve" not in tags_of(image)


def test_one_whose_owner_has_too_many_tags_stays_as_it_is(
    program: Client, agreed: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("images.services.tags.MAX_TAGS_PER_PERSON", 1)
    image = submit(agreed)
    Image.objects.update(expires_at=timezone.now())
    sent = program.post(ADDRESS, {"image_file": file(), "tag": "a,b"})
    assert error(sent) == (402, "insufficient_credits")
    image.refresh_from_db()
    assert image.expires_at is not None
    assert not Tag.objects.exists()


def test_one_in_the_trash_is_not_it(program: Client, agreed: User) -> None:
    image = submit(agreed)
    Image.objects.update(deleted_at=timezone.now())
    assert program.post(ADDRESS, {"image_file": file()}).json() != {"id": str(image.pk)}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "missing_source"),
        ({"image_url": "nonsense"}, "invalid_image_url"),
        ({"image_url": "http://127.0.0.1/dog.png"}, "invalid_image_url"),
        ({"image_file_b64": "!"}, "failed_to_read_image"),
        ({"image_file_b64": "YWJj"}, "invalid_file_type"),
        ({"image_file_b64": "YWJj", "image_url": "https://example.com"}, "multiple_sources"),
        ({"image_file": file(), "tag": "x" * 51}, "invalid_tag"),
        ({"image_file": file(), "tag": ",".join(map(str, range(30)))}, "invalid_tag"),
        ({"image_file": file(), "tag": "\x00"}, "invalid_tag"),
    ],
)
@pytest.mark.parametrize("has_agreed", [False, True])
def test_codes(
    fields: dict[str, Any], code: str, has_agreed: bool, program: Client, owner: User
) -> None:
    User.objects.update(keep_improvements=has_agreed)
    if "image_file" in fields:
        fields = fields | {"image_file": file()}
    assert error(program.post(ADDRESS, fields)) == (400, code)
    assert not Image.objects.exists()


@pytest.mark.parametrize(
    "body",
    [r'{"image_file_b64": "a", "tag": "\ud800"}', "[]", "{", '{"tag": ["a"]}', "null"],
)
def test_bodies_of_any_kind(body: str, program: Client, agreed: User) -> None:
    response = program.post(ADDRESS, body, content_type="application/json")
    assert response.status_code == 400


def test_names_of_any_kind(program: Client, agreed: User) -> None:
    content = base64.b64encode(picture_bytes()).decode()
    body = json.dumps({"image_file_b64": content, "tag": "a\ud800b", "image_filename": "\ud800\0"})
    response = program.post(ADDRESS, body, content_type="application/json")
    assert response.status_code == 200, response.content
    assert tags_of(Image.objects.get()) == {"improve", "ab"}


def test_keys_and_other_origins(owner: User) -> None:
    assert error(Client().post(ADDRESS, {"image_file": file()})) == (403, "missing_key")
    wrong = Client(headers={"X-Api-Key": "nonsense"})
    assert error(wrong.post(ADDRESS, {"image_file": file()})) == (403, "auth_failed")
    assert error(Client().get(ADDRESS))[0] in {403, 405}
    asked = Client().options(ADDRESS)
    assert (asked.status_code, asked["Access-Control-Allow-Origin"]) == (204, "*")
    assert "X-Api-Key" in asked["Access-Control-Allow-Headers"]
    _token, key = ApiToken.objects.issue(user=owner, name="p")
    answer = Client(headers={"x-api-key": key}).post(ADDRESS + "/", {"image_file": file()})
    assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (200, "*")


def test_a_used_up_account(program: Client, agreed: User) -> None:
    User.objects.update(max_images=0)
    assert error(program.post(ADDRESS, {"image_file": file()})) == (402, "insufficient_credits")


def test_people_agree_on_their_page(owner: User, owner_client: Client) -> None:
    page = reverse("web:account")
    text = owner_client.get(page).content.decode()
    assert 'name="keep_improvements"' in text
    assert "nothing of such a report is kept" in text
    assert owner.keep_improvements is False
    for form, kept in (({"name": "A", "keep_improvements": "on"}, True), ({"name": "A"}, False)):
        owner_client.post(page, form)
        owner.refresh_from_db()
        assert owner.keep_improvements is kept
