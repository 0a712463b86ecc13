"""Backdrops of one's own: kept once, counted, put behind subjects, and gone with all they left."""

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image as Pixels
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks, Settings
from rest_framework.test import APIClient

from accounts.models import User
from images.models import Backdrop, Cutout, Image, Rendition, Usage
from images.services import backdrops, unfinished
from images.services.backdrops import add_backdrop
from images.services.renditions import get_rendition
from images.tasks import run_next_cutout
from processing.spec import RenderSpec
from tests.factories import UserFactory, picture_bytes, submit

URL = "/api/v1/backdrops/"
pytestmark = pytest.mark.django_db


def colour_file(
    colour: tuple[int, int, int] = (0, 0, 250), name: str = "beach.png"
) -> SimpleUploadedFile:
    buffer = BytesIO()
    Pixels.new("RGB", (40, 30), colour).save(buffer, "PNG")
    return SimpleUploadedFile(name, buffer.getvalue(), "image/png")


def add(owner: User, colour: tuple[int, int, int] = (0, 0, 250)) -> Backdrop:
    return add_backdrop(owner=owner, file=colour_file(colour))[0]


def send(api: APIClient, file: Any = None, **fields: str) -> Any:
    return api.post(URL, {"file": file or colour_file(), **fields}, format="multipart")


def rendition_of(api: APIClient, cutout: Cutout, **params: str) -> Any:
    return api.get(f"/api/v1/cutouts/{cutout.pk}/rendition/", params)


def first_error(response: Any) -> tuple[str, str | None]:
    (error,) = response.json()["errors"]
    return error["code"], error["attr"]


def test_a_backdrop_is_told_as_it_is(api: APIClient, owner: User) -> None:
    response = send(api, name="  The   beach ")
    assert response.status_code == 201, response.content
    told = response.json()
    backdrop = Backdrop.objects.get()
    assert told["name"] == "The beach"
    assert (told["width"], told["height"]) == (40, 30)
    assert told["background"] == f"backdrop-{backdrop.pk}"
    assert told["byte_size"] == backdrop.file.size
    assert response.headers["Location"].endswith(f"{URL}{backdrop.pk}/")
    assert api.get(response.headers["Location"]).json() == told
    sent: Any = api.get(told["url"])
    assert b"".join(sent.streaming_content) == colour_file().read()
    assert sent.headers["Content-Disposition"].startswith("attachment")
    assert Usage.objects.get(owner=owner).bytes == backdrop.byte_size


def test_the_same_bytes_are_kept_once(api: APIClient, owner: User) -> None:
    first = send(api)
    again = send(api, name="another")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert again.headers["Location"] == first.headers["Location"]
    assert Usage.objects.get(owner=owner).bytes == Backdrop.objects.get().byte_size


def test_other_people_have_their_own(owner: User, stranger: User) -> None:
    assert add(owner).pk != add(stranger).pk


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "required"),
        ({"file": SimpleUploadedFile("a.png", b"no picture")}, "not_an_image"),
        ({"file": SimpleUploadedFile("a.png", b"")}, "empty_file"),
        ({"file": colour_file(), "url": "https://example.com/a.png"}, "only_one"),
        ({"url": "ftp://example.com/a.png"}, "address_refused"),
        ({"url": "http://127.0.0.1/a.png"}, "address_refused"),
        ({"file": colour_file(), "name": "a" * 256}, "max_length"),
    ],
)
def test_what_is_no_good(api: APIClient, fields: dict[str, Any], code: str) -> None:
    response = api.post(URL, fields, format="multipart")
    assert response.status_code == 400, response.content
    assert first_error(response)[0] == code
    assert not Backdrop.objects.exists()


def test_imports_can_be_off(api: APIClient, settings: Settings) -> None:
    settings.IMPORTS = False
    response = api.post(URL, {"url": "https://example.com/a.png"})
    assert (response.status_code, first_error(response)) == (400, ("imports_off", "url"))


def test_what_is_wrong_with_an_address_is_said_of_it(api: APIClient) -> None:
    response = api.post(URL, {"url": "http://127.0.0.1/a.png", "name": None, "file": None})
    assert (response.status_code, first_error(response)) == (400, ("address_refused", "url"))


def test_one_source_in_the_same_words_as_pictures(api: APIClient) -> None:
    for fields in ({}, {"file": colour_file(), "url": "https://example.com/a.png"}):
        answers = [
            api.post(url, fields, format="multipart").json() for url in (URL, "/api/v1/images/")
        ]
        assert answers[0] == answers[1]


@pytest.mark.parametrize("body", ['["a"]', '{"url": {"a": 1}}', '{"url": "\\ud800"}', "{", '"a"'])
def test_bodies_of_any_kind(api: APIClient, body: str) -> None:
    response = api.post(URL, body, content_type="application/json")
    assert response.status_code == 400, response.content


def test_storage_is_counted_and_given_back(api: APIClient, owner: User) -> None:
    size = len(colour_file().read())
    User.objects.filter(pk=owner.pk).update(max_bytes=size)
    made = send(api)
    refused = send(api, colour_file((1, 2, 3)))
    assert (refused.status_code, first_error(refused)[0]) == (402, "storage_limit_reached")
    assert Usage.objects.get(owner=owner).bytes == size
    assert len(list(Path(default_storage.path("backdrops")).rglob("*.png"))) == 1
    assert api.delete(made.headers["Location"]).status_code == 204
    assert Usage.objects.get(owner=owner).bytes == 0
    assert send(api, colour_file((1, 2, 3))).status_code == 201


def test_so_many_and_no_more(api: APIClient, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backdrops, "MAX_BACKDROPS", 2)
    for colour in ((0, 0, 1), (0, 0, 2)):
        assert send(api, colour_file(colour)).status_code == 201
    kept = Usage.objects.get(owner=owner).bytes
    refused = send(api, colour_file((0, 0, 3)))
    assert (refused.status_code, first_error(refused)[0]) == (402, "backdrop_limit_reached")
    assert (Backdrop.objects.count(), Usage.objects.get(owner=owner).bytes) == (2, kept)
    assert send(api, colour_file((0, 0, 1))).status_code == 200


def test_files_go_with_the_row(
    owner: User, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    backdrop = add(owner)
    path = Path(backdrop.file.path)
    assert path.exists()
    with django_capture_on_commit_callbacks(execute=True):
        backdrop.delete()
    assert not path.parent.exists()


def test_what_never_became_a_row_is_swept(
    owner: User, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setattr(unfinished, "MIN_AGE_SECONDS", 0)
    lost = Backdrop(owner=owner)
    with unfinished.announced(lost):
        default_storage.save(f"{lost.folders[0]}/backdrop.png", colour_file())
        kept = add(owner)
        (settings.DATA_DIR / "uploads" / f"backdrop-{kept.pk}").touch()
        assert unfinished.remove_unfinished() == 1
    assert not Path(default_storage.path(lost.folders[0])).exists()
    assert Path(kept.file.path).exists()


def test_names_can_be_changed(api: APIClient, owner: User) -> None:
    backdrop = add(owner)
    answer = api.patch(f"{URL}{backdrop.pk}/", {"name": "Sand", "width": 9, "sha256": "x"})
    assert (answer.status_code, answer.json()["name"], answer.json()["width"]) == (200, "Sand", 40)
    for name in ('""', "null", '["a"]', r'"a\u0000b"', r'"\ud800"', f'"{"x" * 256}"'):
        body = f'{{"name": {name}}}'
        refused = api.patch(f"{URL}{backdrop.pk}/", body, content_type="application/json")
        assert refused.status_code == 400, name
    backdrop.refresh_from_db()
    assert backdrop.name == "Sand"


@pytest.mark.parametrize("count", [1, 3])
def test_lists_take_as_many_queries_however_long(
    api: APIClient,
    owner: User,
    stranger: User,
    django_assert_num_queries: DjangoAssertNumQueries,
    count: int,
) -> None:
    add(stranger)
    for number in range(count):
        add(owner, (number, 0, 0))
    api.get(URL)
    with django_assert_num_queries(2):
        assert len(api.get(URL).json()["results"]) == count


def test_strangers_find_nothing(
    api: APIClient, stranger: User, cutout: Cutout, stranger_client: Client
) -> None:
    theirs = add(stranger)
    for method in (api.get, api.patch, api.delete):
        assert method(f"{URL}{theirs.pk}/").status_code == 404
    assert api.get(f"{URL}{theirs.pk}/file/").status_code == 404
    for name in (theirs.pk, theirs.sha256):
        response = rendition_of(api, cutout, background=f"backdrop-{name}")
        assert response.status_code == 400
        assert first_error(response) == ("invalid_spec", "background")


def corner(response: Any) -> Any:
    content = b"".join(response.streaming_content)
    return Pixels.open(BytesIO(content)).convert("RGB").getpixel((0, 0))


def test_it_comes_behind_the_subject(api: APIClient, owner: User, cutout: Cutout) -> None:
    told = send(api).json()
    for background in (told["background"], told["background"].upper()):
        response = rendition_of(api, cutout, background=background)
        assert response.status_code == 200
        assert corner(response) == (0, 0, 250)
    assert Rendition.objects.filter(spec__contains=told["sha256"]).count() == 1


def test_pages_know_them_too(owner: User, cutout: Cutout, owner_client: Client) -> None:
    backdrop = add(owner)
    query = f"?format=png&background=backdrop-{backdrop.pk}"
    page = owner_client.get(f"/cutouts/{cutout.pk}/rendition/{query}")
    assert (page.status_code, corner(page)) == (200, (0, 0, 250))
    link = owner_client.post(f"/cutouts/{cutout.pk}/link/{query}", {"days": "1"})
    assert link.status_code == 200
    assert cutout.links.get().spec.endswith(backdrop.sha256)
    assert "a picture of yours behind it" in link.content.decode()


def test_the_simple_interface_knows_them(
    owner: User, api: APIClient, image: Image, owner_client: Client
) -> None:
    backdrop = add(owner)
    fields = {
        "image": SimpleUploadedFile("disc.png", picture_bytes()),
        "format": "png",
        "background": f"backdrop-{backdrop.pk}",
    }
    Cutout.objects.update(created_at=image.created_at)
    answer = api.post("/remove-bg", fields, format="multipart")
    assert answer.status_code == 200, answer.content
    assert corner(Client().get(answer.json()["url"])) == (0, 0, 250)


def test_what_a_deleted_one_leaves(
    api: APIClient,
    owner: User,
    cutout: Cutout,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    told = send(api).json()
    other = send(api, colour_file((0, 250, 0))).json()
    assert rendition_of(api, cutout, background=other["background"]).status_code == 200
    shown, fresh = (
        api.post(
            f"/api/v1/cutouts/{cutout.pk}/links/",
            {"background": told["background"], "format": name},
        ).json()["url"]
        for name in ("png", "webp")
    )
    assert Client().get(shown).status_code == 200
    (stored,) = Rendition.objects.filter(spec__contains=told["sha256"])
    with django_capture_on_commit_callbacks(execute=True):
        assert api.delete(f"{URL}{told['id']}/").status_code == 204
    # Neither what is stored nor anything new shows it; other outputs stay.
    assert not Path(stored.file.path).exists()
    assert Client().get(shown).status_code == Client().get(fresh).status_code == 404
    assert Rendition.objects.filter(spec__contains=other["sha256"]).count() == 1
    for name in (told["id"], told["sha256"]):
        refused = rendition_of(api, cutout, background=f"backdrop-{name}", format="jpeg")
        assert refused.status_code == 400
        assert first_error(refused) == ("invalid_spec", "background")


def test_other_people_keep_what_they_made_with_the_same(owner: User, stranger: User) -> None:
    for person in (owner, stranger):
        add(person)
        image = submit(person)
        run_next_cutout()
        spec = f"background=backdrop-{Backdrop.objects.all()[0].sha256}"
        get_rendition(cutout=image.cutouts.get(), spec=RenderSpec.parse(spec))
    Backdrop.objects.filter(owner=owner).delete()
    (left,) = Rendition.objects.filter(spec__contains="backdrop-")
    assert left.cutout.owner == stranger


def test_a_lost_file_is_no_crash(api: APIClient, owner: User, cutout: Cutout) -> None:
    backdrop = add(owner)
    Path(backdrop.file.path).unlink()
    assert api.get(f"{URL}{backdrop.pk}/file/").status_code == 404
    response = rendition_of(api, cutout, background=f"backdrop-{backdrop.pk}")
    assert response.status_code == 404


def test_a_damaged_one_is_a_refusal(api: APIClient, owner: User, cutout: Cutout) -> None:
    content = picture_bytes(size=(200, 200))
    told = send(api, SimpleUploadedFile("half.png", content[: len(content) // 2])).json()
    response = rendition_of(api, cutout, background=told["background"])
    assert (response.status_code, first_error(response)[0]) == (400, "truncated_image")


def test_nobody_else_pays(owner: User) -> None:
    """Deleting an account takes its backdrops along, and no counter below zero."""
    other = UserFactory.create()
    backdrop = add(other)
    other.delete()
    assert not Backdrop.objects.filter(pk=backdrop.pk).exists()
