"""Texts of any length: nobody may keep a process busy with one, and what is refused is a 400."""

import base64
import json
from collections.abc import Callable
from time import perf_counter
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import ApiToken, User
from images.models import Cutout, Image
from images.models.preset import MAX_PRESET_NAME
from images.services.names import LONGEST_COMPOSED, safe_file_name
from images.services.presets import BadName, create_preset
from images.services.render_specs import render_spec_for
from images.services.tags import InvalidTag, clean_tag
from images.services.uploads import clean_name
from images.web.gallery import clean_query
from processing.errors import InvalidSpec
from tests.factories import picture_bytes, picture_file

pytestmark = pytest.mark.django_db

# Putting so many accents into their order takes minutes.
ACCENTS = "a" + "\u0301" * 100_000 + "\u0316" * 100_000
SECONDS = 2


@pytest.fixture
def quickly() -> Callable[[Callable[[], Any]], Any]:
    def ask(act: Callable[[], Any]) -> Any:
        began = perf_counter()
        answer = act()
        assert perf_counter() - began < SECONDS
        return answer

    return ask


Quickly = Callable[[Callable[[], Any]], Any]


@pytest.mark.parametrize("clean", [clean_name, safe_file_name, clean_query])
def test_names_are_cut(clean: Callable[[str], str], quickly: Quickly) -> None:
    assert quickly(lambda: clean(ACCENTS)).startswith("á")


def test_the_ending_survives(quickly: Quickly) -> None:
    assert quickly(lambda: clean_name(f"folder/{ACCENTS}.png")).endswith(".png")
    assert quickly(lambda: safe_file_name(f"{ACCENTS}.png")).endswith(".png")
    assert clean_name("x" * LONGEST_COMPOSED * 3 + ".jpeg") == "x" * 250 + ".jpeg"


def test_services_refuse_without_composing(owner: User, quickly: Quickly) -> None:
    def refused() -> None:
        with pytest.raises(InvalidTag):
            clean_tag(ACCENTS)
        with pytest.raises(InvalidSpec) as told:
            render_spec_for(owner=owner, params={"preset": ACCENTS})
        assert told.value.parameter == "preset"
        with pytest.raises(BadName) as bad:
            create_preset(owner=owner, name=ACCENTS, params={})
        assert bad.value.code == "max_length"

    quickly(refused)


def test_a_name_of_letters_and_accents_still_finds_its_preset(owner: User) -> None:
    name = "é" * MAX_PRESET_NAME
    create_preset(owner=owner, name=name, params={"format": "webp"})
    spec = render_spec_for(owner=owner, params={"preset": "e\u0301" * MAX_PRESET_NAME})
    assert spec.format == "webp"


@pytest.mark.parametrize(
    ("path", "body", "error"),
    [
        ("images/bulk/", {"ids": [], "action": "tag", "tags": [ACCENTS]}, ("max_length", "tags.0")),
        (
            "images/bulk/",
            {"filter": {"tag": ACCENTS}, "action": "delete"},
            ("max_length", "filter.tag"),
        ),
        (
            "images/bulk/",
            {"filter": {"search": "a" * 60_000}, "action": "delete"},
            ("max_length", "filter.search"),
        ),
        ("images/archive/", {"filter": {"search": "a" * 60_000}}, ("max_length", "filter.search")),
        ("images/archive/", {"ids": [], "preset": ACCENTS}, ("invalid_spec", "preset")),
        ("presets/", {"name": ACCENTS, "parameters": {}}, ("max_length", "name")),
        ("presets/", {"name": "a", "parameters": {"preset": ACCENTS}}, ("invalid_spec", "preset")),
        ("batches/", {"name": ACCENTS}, ("max_length", "name")),
    ],
)
def test_bodies(
    api: APIClient, path: str, body: Any, error: tuple[str, str], quickly: Quickly
) -> None:
    response = quickly(lambda: api.post(f"/api/v1/{path}", body, format="json"))
    assert response.status_code == 400
    (only,) = response.json()["errors"]
    assert (only["code"], only["attr"]) == error


@pytest.mark.parametrize("field", ["tags", "title"])
def test_fields_of_uploads(api: APIClient, field: str, quickly: Quickly) -> None:
    form = {"file": picture_file(), field: ACCENTS}
    response = quickly(lambda: api.post("/api/v1/images/", form, format="multipart"))
    assert response.status_code == 400
    assert not Image.objects.exists()


def test_links(api: APIClient, cutout: Cutout, quickly: Quickly) -> None:
    address = f"/api/v1/cutouts/{cutout.pk}/links/"
    response = quickly(lambda: api.post(address, {"preset": ACCENTS}, format="json"))
    assert response.status_code == 400


@pytest.mark.parametrize(
    ("name", "value"), [("tag", ACCENTS), ("search", "a" * 60_000), ("search", "a" * 256)]
)
def test_parameters_of_lists(api: APIClient, name: str, value: str, quickly: Quickly) -> None:
    response = quickly(lambda: api.get("/api/v1/images/", {name: value}))
    assert response.status_code == 400
    (only,) = response.json()["errors"]
    assert only["attr"] == name
    assert api.get("/api/v1/images/", {"search": "a" * 255}).status_code == 200


class TestImprove:
    @pytest.fixture
    def program(self, owner: User) -> Client:
        return Client(headers={"X-Api-Key": ApiToken.objects.issue(user=owner, name="p")[1]})

    @pytest.mark.parametrize(
        ("fields", "status"),
        [
            ({"image_filename": ACCENTS}, 200),
            ({"tag": ACCENTS}, 400),
            ({"tag": "a," * 1_000_000}, 400),
            ({"image_file_b64": " " * 200_000 + "!"}, 400),
        ],
    )
    def test_quick(
        self, program: Client, fields: dict[str, str], status: int, quickly: Quickly
    ) -> None:
        form = {"image_file_b64": base64.b64encode(picture_bytes()).decode(), **fields}
        response = quickly(
            lambda: program.post("/v1.0/improve", json.dumps(form), content_type="application/json")
        )
        assert response.status_code == status, response.content


@pytest.mark.parametrize("model", ["image", "cutout", "sharelink"])
@pytest.mark.parametrize("text", ["a" * 60_000, "@" * 60_000])
def test_searching_the_admin_site(admin_client: Client, model: str, text: str) -> None:
    page = admin_client.get(reverse(f"admin:images_{model}_changelist"), {"q": text})
    assert page.status_code == 200
