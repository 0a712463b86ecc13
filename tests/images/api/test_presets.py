"""Presets: parameters under a name of one's own, used wherever parameters are."""

from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image as Pixels
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import User
from images.models import Cutout, Preset, Rendition
from images.services import presets
from images.services.backdrops import add_backdrop
from images.services.presets import create_preset
from processing.presets import PRESETS
from tests.factories import picture_bytes

pytestmark = pytest.mark.django_db

URL = "/api/v1/presets/"


def first_error(response: Any) -> tuple[str, str | None]:
    (error,) = response.json()["errors"]
    return error["code"], error["attr"]


def rendition_of(api: APIClient, cutout: Cutout, **params: str) -> Any:
    return api.get(f"/api/v1/cutouts/{cutout.pk}/rendition/", params)


def test_a_preset_is_kept_in_canonical_form(api: APIClient) -> None:
    sent = {"width": 300, "format": "WEBP", "decontaminate": False, "background": "#F00"}
    response = api.post(URL, {"name": " Shop   red ", "parameters": sent})
    assert response.status_code == 201, response.content
    told = response.json()
    assert told["name"] == "Shop red"
    assert told["builtin"] is False
    assert told["parameters"] == {
        "format": "webp",
        "background": "ff0000",
        "width": "300",
        "decontaminate": "0",
    }
    assert Preset.objects.get().spec == "format=webp&background=ff0000&width=300&decontaminate=0"
    assert api.get(response.headers["Location"]).json() == told


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"name": "a", "parameters": {"format": "exe"}}, ("invalid_spec", "format")),
        ({"name": "a", "parameters": {"colour": "red"}}, ("invalid_spec", "colour")),
        ({"name": "a", "parameters": {"download": "1"}}, ("invalid_spec", "download")),
        ({"name": "a", "parameters": {"width": 10**400}}, ("invalid_spec", "width")),
        ({"name": "a", "parameters": {"preset": "none"}}, ("invalid_spec", "preset")),
        ({"name": "a", "parameters": {"preset": "a\0b"}}, ("invalid_spec", "preset")),
        ({"name": "a", "parameters": ["format"]}, ("invalid", "parameters")),
        ({"name": "a", "parameters": {"width": {"a": 1}}}, ("invalid", "parameters")),
        ({"name": "a", "parameters": {"width": None}}, ("invalid", "parameters")),
        ({"name": "a"}, ("required", "parameters")),
        ({"parameters": {}}, ("required", "name")),
        ({"name": "  ", "parameters": {}}, ("blank", "name")),
        ({"name": "x" * 51, "parameters": {}}, ("max_length", "name")),
        # One character that becomes eighteen when it is folded.
        ({"name": "\ufdfa" * 50, "parameters": {}}, ("max_length", "name")),
        ({"name": "a\x07b", "parameters": {}}, ("invalid", "name")),
        ({"name": "\u200b\u202e", "parameters": {}}, ("invalid", "name")),
        ({"name": "Marketplace", "parameters": {}}, ("unique", "name")),
    ],
)
def test_what_is_no_good(api: APIClient, body: dict[str, Any], error: tuple[str, str]) -> None:
    response = api.post(URL, body)
    assert response.status_code == 400, response.content
    assert first_error(response) == error
    assert not Preset.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        r'{"name": "a", "parameters": {"\ud800": 1}}',
        r'{"name": "\ud83d"}',
        "[]",
        "1",
        r'{"name": "\ud800", "parameters": {}}',
        r'{"name": "\u0000"}',
        "{",
    ],
)
def test_bodies_of_any_kind(api: APIClient, body: str) -> None:
    assert api.post(URL, body, content_type="application/json").status_code == 400


def test_whole_characters_may_be_escaped(api: APIClient) -> None:
    body = r'{"name": "\ud83d\ude00", "parameters": {}}'
    response = api.post(URL, body, content_type="application/json")
    assert (response.status_code, response.json()["name"]) == (201, "\N{GRINNING FACE}")


@pytest.mark.parametrize("name", [r"\ud800", r"a\u0000b"])
def test_parameters_of_any_kind(api: APIClient, cutout: Cutout, name: str) -> None:
    body = f'{{"name": "a", "parameters": {{"preset": "{name}"}}}}'
    assert api.post(URL, body, content_type="application/json").status_code == 400
    link = f'{{"preset": "{name}"}}'
    url = f"/api/v1/cutouts/{cutout.pk}/links/"
    assert api.post(url, link, content_type="application/json").status_code == 400


def test_names_are_given_once(api: APIClient, owner: User, stranger: User) -> None:
    create_preset(owner=stranger, name="Shop", params={})
    first = api.post(URL, {"name": "Straße", "parameters": {}})
    other = api.post(URL, {"name": "Shop", "parameters": {}})
    assert (first.status_code, other.status_code) == (201, 201)
    again = api.post(URL, {"name": "STRASSE", "parameters": {}})
    assert (again.status_code, first_error(again)) == (400, ("unique", "name"))
    renamed = api.patch(other.headers["Location"], {"name": "strasse"})
    assert (renamed.status_code, first_error(renamed)) == (400, ("unique", "name"))
    same = api.patch(other.headers["Location"], {"name": "SHOP"})
    assert (same.status_code, same.json()["name"]) == (200, "SHOP")


def test_sent_again_with_a_key(api: APIClient) -> None:
    headers = {"Idempotency-Key": "shop-1"}
    body = {"name": "Shop", "parameters": {"width": 3}}
    first = api.post(URL, body, headers=headers)
    again = api.post(URL, body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert api.post(URL, body | {"name": "Other"}, headers=headers).status_code == 422
    assert Preset.objects.count() == 1


def test_so_many_and_no_more(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presets, "MAX_PRESETS", 2)
    codes = [
        api.post(URL, {"name": str(number), "parameters": {}}).status_code for number in range(3)
    ]
    assert codes == [201, 201, 402]
    assert Preset.objects.count() == 2


def test_presets_can_be_changed_and_deleted(api: APIClient) -> None:
    url = api.post(URL, {"name": "a", "parameters": {"width": 3}}).headers["Location"]
    changed = api.patch(url, {"parameters": {"height": 4}}).json()
    assert (changed["name"], changed["parameters"]) == ("a", {"format": "png", "height": "4"})
    assert api.patch(url, {"parameters": {"height": "x"}}).status_code == 400
    assert api.get(url).json() == changed
    assert api.put(url, {"name": "b", "parameters": {}}).status_code == 405
    assert api.delete(url).status_code == 204
    assert api.get(url).status_code == 404


@pytest.mark.parametrize("count", [1, 3])
def test_lists_take_as_many_queries_however_long(
    api: APIClient,
    owner: User,
    stranger: User,
    django_assert_num_queries: DjangoAssertNumQueries,
    count: int,
) -> None:
    create_preset(owner=stranger, name="theirs", params={})
    for number in range(count):
        create_preset(owner=owner, name=f"Mine {number}", params={})
    api.get(URL)
    with django_assert_num_queries(2):
        results = api.get(URL).json()["results"]
    own = [one["name"] for one in results if not one["builtin"]]
    assert own == [f"Mine {number}" for number in range(count)]
    assert [one["name"] for one in results if one["builtin"]] == list(PRESETS)


def test_strangers_find_nothing(api: APIClient, stranger: User, cutout: Cutout) -> None:
    theirs = create_preset(owner=stranger, name="Theirs", params={})
    for method in (api.get, api.patch, api.delete):
        assert method(f"{URL}{theirs.pk}/").status_code == 404
    refused = rendition_of(api, cutout, preset="Theirs")
    assert (refused.status_code, first_error(refused)) == (400, ("invalid_spec", "preset"))


def test_renditions_by_name(api: APIClient, owner: User, cutout: Cutout) -> None:
    create_preset(owner=owner, name="Shop", params={"format": "webp", "width": "50"})
    assert rendition_of(api, cutout, preset="shop").headers["Content-Type"] == "image/webp"
    assert Rendition.objects.filter(spec="format=webp&width=50").exists()
    assert rendition_of(api, cutout, preset="SHOP", width="40", download="1").status_code == 200
    assert Rendition.objects.filter(spec="format=webp&width=40").exists()


@pytest.mark.parametrize("format", ["webp", "png", "avif"])
@pytest.mark.parametrize("name", ["white", "WHITE", "marketplace", "studio", "Paper"])
def test_what_is_on_white_stays_on_white(
    api: APIClient,
    owner: User,
    cutout: Cutout,
    name: str,
    format: str,  # noqa: A002 - as the parameter is called
) -> None:
    """A JPEG without a background is on white anyway, so that white is easily lost."""
    create_preset(owner=owner, name="Paper", params={"format": "jpeg", "background": "white"})
    response = rendition_of(api, cutout, preset=name, format=format, max_side="200")
    assert response.status_code == 200
    picture = Pixels.open(BytesIO(b"".join(response.streaming_content))).convert("RGBA")
    corner = picture.getpixel((1, 1))
    assert isinstance(corner, tuple)
    assert min(corner) > 240
    other = rendition_of(api, cutout, preset=name, format=format, background="transparent")
    clear = Pixels.open(BytesIO(b"".join(other.streaming_content))).convert("RGBA")
    assert clear.getchannel("A").getpixel((1, 1)) == 0


def test_outputs_on_white_are_one(api: APIClient, owner: User, cutout: Cutout) -> None:
    """However their white was asked for, the cache holds one file."""
    create_preset(owner=owner, name="Paper", params={"format": "jpeg", "background": "#fff"})
    for params in ({"preset": "white"}, {"preset": "paper"}, {"format": "jpeg"}):
        assert rendition_of(api, cutout, **params).status_code == 200
    assert [one.spec for one in Rendition.objects.filter(spec__startswith="format=jpeg")] == [
        "format=jpeg"
    ]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({"format": "jpeg", "background": "White"}, "format=jpeg&background=ffffff"),
        ({"format": "jpeg"}, "format=jpeg"),
        ({"background": "transparent", "crop": "none"}, "format=png"),
        ({"preset": "white", "format": "webp"}, "format=webp&background=ffffff"),
        ({"quality": "70", "margin": "10%"}, "format=png&margin=10%25&quality=70"),
        ({"crop": "none", "shadow_opacity": 30}, "format=png&shadow_opacity=30"),
        ({"margin": "10%"}, "format=png&margin=10%25"),
    ],
)
def test_what_is_said_is_kept(api: APIClient, sent: dict[str, Any], kept: str) -> None:
    """Also what changes nothing until somebody asks for another format, say."""
    response = api.post(URL, {"name": "a", "parameters": sent})
    assert response.status_code == 201, response.content
    assert Preset.objects.get().spec == kept
    again = api.post(URL, {"name": "b", "parameters": response.json()["parameters"]})
    assert again.json()["parameters"] == response.json()["parameters"]


def test_those_kept_before_still_work(api: APIClient, owner: User, cutout: Cutout) -> None:
    Preset.objects.create(owner=owner, name="Old", spec="format=jpeg&width=50")
    assert rendition_of(api, cutout, preset="old").headers["Content-Type"] == "image/jpeg"


@pytest.mark.parametrize("name", list(PRESETS))
def test_built_in_parameters_are_canonical(name: str) -> None:
    preset = PRESETS[name]
    white = {"background": "ffffff"} if "white" in preset.help else {}
    assert preset.params == preset.spec.params() | white


@pytest.mark.parametrize("name", list(PRESETS))
def test_built_in_ones_work_everywhere(api: APIClient, cutout: Cutout, name: str) -> None:
    response = rendition_of(api, cutout, preset=name.upper())
    assert response.status_code == 200
    picture = Pixels.open(BytesIO(b"".join(response.streaming_content)))
    spec = PRESETS[name].spec
    if spec.width and spec.height:
        assert picture.size == (spec.width, spec.height)


def test_links_by_name(api: APIClient, owner: User, cutout: Cutout) -> None:
    create_preset(owner=owner, name="Shop", params={"format": "jpeg", "width": "50"})
    url = f"/api/v1/cutouts/{cutout.pk}/links/"
    address = api.post(url, {"preset": "Shop", "expires_in": 60}).json()["url"]
    assert Client().get(address).headers["Content-Type"] == "image/jpeg"


def test_pages_and_the_simple_interface_by_name(
    api: APIClient, owner: User, cutout: Cutout, owner_client: Client
) -> None:
    create_preset(owner=owner, name="Shop", params={"format": "webp", "width": "50"})
    page = owner_client.get(f"/cutouts/{cutout.pk}/rendition/?preset=shop")
    assert page.headers["Content-Type"] == "image/webp"
    file = SimpleUploadedFile("disc.png", picture_bytes())
    answer = api.post("/remove-bg", {"image": file, "preset": "shop"}, format="multipart")
    assert answer.json()["url"].endswith(".webp"), answer.content


def test_a_preset_whose_backdrop_is_gone(api: APIClient, owner: User, cutout: Cutout) -> None:
    file = SimpleUploadedFile("a.png", picture_bytes())
    backdrop = add_backdrop(owner=owner, file=file)[0]
    params = {"background": f"backdrop-{backdrop.pk}"}
    preset = create_preset(owner=owner, name="Beach", params=params)
    assert rendition_of(api, cutout, preset="beach").status_code == 200
    backdrop.delete()
    refused = rendition_of(api, cutout, preset="beach")
    assert (refused.status_code, first_error(refused)) == (400, ("invalid_spec", "background"))
    assert rendition_of(api, cutout, preset="beach", background="white").status_code == 200
    assert api.get(f"{URL}{preset.pk}/").status_code == 200
