"""The page of one picture."""

from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from typing import Any
from uuid import UUID

import pytest
from django.contrib.messages import get_messages
from django.core.files.base import ContentFile
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image as Picture
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from images.models import Cutout, Image, Status
from images.services.cutouts import request_cutout
from images.services.edits import submit_matte
from images.tasks import run_next_cutout
from images.web.access import own_image
from processing.edges import REASONS
from processing.spec import ExtractSpec
from tests.factories import submit


def page_of(image: Image) -> str:
    return reverse("web:image", args=[image.pk])


@pytest.mark.parametrize("versions", [1, 3])
def test_queries_do_not_grow_with_versions(
    owner_client: Client,
    image: Image,
    versions: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(versions - 1):
        request_cutout(image=image)
        run_next_cutout()
    owner_client.get(page_of(image))  # the first page of a session notes that it is there
    with django_assert_num_queries(7):  # session, person, picture, versions, links, two neighbours
        page = owner_client.get(page_of(image)).content.decode()
    assert page.count('class="badge is-done"') == versions


def test_shows_the_cutout_and_the_way_to_download_it(owner_client: Client, image: Image) -> None:
    page = owner_client.get(page_of(image)).content.decode()
    rendition = reverse("web:rendition", args=[image.current_cutout_id])
    assert f'src="{rendition}?format=webp&amp;max_side=2048"' in page
    assert f'action="{rendition}"' in page
    assert reverse("web:original", args=[image.pk]) in page


@pytest.mark.parametrize(("code", "sentence"), REASONS.items())
def test_what_became_of_the_edges_is_told(
    owner_client: Client, image: Image, code: str, sentence: str
) -> None:
    assert sentence not in owner_client.get(page_of(image)).content.decode()
    Cutout.objects.update(refinement=code)
    assert sentence in owner_client.get(page_of(image)).content.decode()


def test_doubt_is_told_until_somebody_has_judged(owner_client: Client, image: Image) -> None:
    Cutout.objects.update(needs_look=True, confidence=0.3149)
    page = owner_client.get(page_of(image)).content.decode()
    assert "Needs a look" in page
    assert "only 31 % sure" in page
    owner_client.post(reverse("web:feedback", args=[image.current_cutout_id]), {"rating": "up"})
    page = owner_client.get(page_of(image)).content.decode()
    assert "Needs a look" not in page
    assert "31 % sure" in page


@pytest.mark.parametrize(
    ("size", "sides"), [((120, 90), []), ((513, 20), [512]), ((80, 2049), [2048, 1024, 512])]
)
def test_only_sizes_that_are_smaller(
    owner_client: Client, owner: User, size: tuple[int, int], sides: list[int]
) -> None:
    image = submit(owner, size=size)
    run_next_cutout()
    page = owner_client.get(page_of(image)).content.decode()
    assert [side for side in (2048, 1024, 512) if f'<option value="{side}">' in page] == sides


def test_waiting_picture_says_so(owner_client: Client, queued_image: Image) -> None:
    page = owner_client.get(page_of(queued_image)).content.decode()
    assert "Next in line" in page
    assert 'http-equiv="refresh"' in page


def test_failed_picture_says_what_to_do(owner_client: Client, queued_image: Image) -> None:
    Cutout.objects.update(
        status=Status.FAILED, error_code="nothing_found", error_message="No subject was found."
    )
    page = owner_client.get(page_of(queued_image)).content.decode()
    assert "No subject was found." in page
    assert "one clear subject" in page
    assert "Try again" not in page, "the same would be found again"
    assert "Run again" in page
    Cutout.objects.update(error_code="internal_error")
    assert "Try again" in owner_client.get(page_of(queued_image)).content.decode()


@pytest.mark.parametrize("code", ["nothing_found", "truncated_image"])
def test_a_failed_edit_is_not_told_about_subjects(
    owner_client: Client, image: Image, cutout: Cutout, code: str
) -> None:
    white = BytesIO()
    Picture.new("L", (image.width, image.height), 255).save(white, "PNG")
    edit = submit_matte(cutout=cutout, file=ContentFile(white.getvalue(), name="matte.png"))
    Cutout.objects.filter(pk=edit.pk).update(
        status=Status.FAILED, error_code=code, error_message="It is empty.", sent_matte=""
    )
    page = owner_client.get(page_of(image)).content.decode()
    assert "It is empty." in page
    assert "matte drawn by hand" in page
    assert "Try again" not in page
    assert "one clear subject" not in page
    assert "camera roll" not in page


def test_versions_say_who_made_them(owner_client: Client, image: Image, cutout: Cutout) -> None:
    Cutout.objects.filter(pk=cutout.pk).update(
        engine="u2net-cascade", answered_by="u2net-best", refinement="refined"
    )
    page = owner_client.get(page_of(image)).content.decode()
    assert "U²-Net, careful where unsure</strong>" in page
    assert f"Answered by U²-Net, twice. {REASONS['refined']}" in page
    Cutout.objects.filter(pk=cutout.pk).update(kind=Cutout.Kind.EDITED, refinement="")
    page = owner_client.get(page_of(image)).content.decode()
    assert "Edited by hand</strong>" in page
    assert "Answered by" not in page


def test_neighbours(owner_client: Client, owner: User) -> None:
    old, middle, new = (submit(owner, f"{name}.png") for name in ("old", "middle", "new"))
    for age, image in enumerate((new, middle, old)):
        Image.objects.filter(pk=image.pk).update(created_at=timezone.now() - timedelta(hours=age))
    page = owner_client.get(page_of(middle))
    assert (page.context["newer"], page.context["older"]) == (new.pk, old.pk)
    page = owner_client.get(page_of(new))
    assert (page.context["newer"], page.context["older"]) == (None, middle.pk)


def test_deleted_picture_leads_to_the_trash(owner_client: Client, image: Image) -> None:
    Image.objects.update(deleted_at=timezone.now())
    assert owner_client.get(page_of(image)).headers["Location"] == reverse("web:trash")


def test_an_older_version_can_be_looked_at(
    owner_client: Client, image: Image, cutout: Cutout
) -> None:
    request_cutout(image=image)
    run_next_cutout()
    image.refresh_from_db()
    assert image.current_cutout_id != cutout.pk
    page = owner_client.get(page_of(image), {"version": str(cutout.pk)})
    assert page.context["cutout"] == cutout


def post(
    client: Client, name: str, image: Image, form: dict[str, str], *, script: bool = False
) -> Any:
    """As a form posts it, or as a script does."""
    headers = {"Accept": "application/json"} if script else {}
    url = reverse(f"web:{name}", args=[image.pk])
    return client.post(url, form, headers=headers, follow=not script)


def test_run_again_with_an_engine(owner_client: Client, image: Image) -> None:
    """Also where its weights are missing: then the cutout waits for them."""
    post(owner_client, "rerun", image, {"engine": "u2netp"})
    image.refresh_from_db()
    assert image.latest_cutout is not None
    assert (image.latest_cutout.engine, image.latest_cutout.status) == ("u2netp", "queued")


@pytest.mark.parametrize("edges", ["off", "auto", "on"])
def test_run_again_with_a_choice_of_edges(owner_client: Client, image: Image, edges: str) -> None:
    page = owner_client.get(page_of(image)).content.decode()
    assert '<label for="refine-edges">' in page
    assert f'<option value="{edges}">' in page
    post(owner_client, "rerun", image, {"engine": "drawn", "refine_edges": edges})
    image.refresh_from_db()
    assert image.latest_cutout is not None
    assert ExtractSpec.parse(image.latest_cutout.extract_spec).refine_edges == edges


def test_scripts_are_told_that_it_worked(owner_client: Client, image: Image) -> None:
    response = post(owner_client, "rerun", image, {}, script=True)
    assert (response.status_code, response.json()) == (200, {"id": str(image.pk)})
    response = post(owner_client, "rename", image, {"title": "Red disc"}, script=True)
    assert (response.status_code, response.json()) == (200, {"title": "Red disc"})


def under_way(image: Image) -> None:
    request_cutout(image=image)


def in_trash(image: Image) -> None:
    Image.objects.update(deleted_at=timezone.now())


def nothing(image: Image) -> None:
    pass


@pytest.mark.parametrize(
    ("situation", "act", "form", "status", "code", "told"),
    [
        (under_way, "rerun", {}, 409, "pending", "is being cut out already"),
        (in_trash, "rerun", {}, 409, "in_trash", "in the trash"),
        (nothing, "rerun", {"retry": "1"}, 409, "not_failed", "Only a failed cutout"),
        (nothing, "rerun", {"refine_edges": "\0"}, 400, "invalid_spec", "must be one of off"),
        (nothing, "rerun", {"engine": "../etc"}, 400, "unknown_engine", "There is no engine"),
        (nothing, "rename", {"title": "x" * 256}, 400, "invalid", "at most 255 characters"),
        (nothing, "rename", {"title": "a\0b"}, 400, "invalid", "Null characters"),
    ],
)
def test_refusals_look_like_refusals(
    owner_client: Client,
    image: Image,
    situation: Callable[[Image], None],
    act: str,
    form: dict[str, str],
    status: int,
    code: str,
    told: str,
) -> None:
    situation(image)
    before = set(Cutout.objects.values_list("pk", "status"))
    response = post(owner_client, act, image, form, script=True)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert told in response.json()["message"]
    assert not list(get_messages(response.wsgi_request)), "the script shows it, no later page"
    page = post(owner_client, act, image, form)
    assert page.status_code == 200
    assert told in page.content.decode()
    image.refresh_from_db()
    assert image.title == ""
    assert set(Cutout.objects.values_list("pk", "status")) == before


@pytest.mark.parametrize("act", ["rerun", "rename"])
def test_purged_at_the_same_moment(
    owner_client: Client, image: Image, act: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_and_lose(request: HttpRequest, image_id: UUID) -> Image:
        image = own_image(request, image_id)
        Image.objects.filter(pk=image_id).delete()
        return image

    monkeypatch.setattr("images.web.picture.own_image", find_and_lose)
    response = post(owner_client, act, image, {"title": "x"}, script=True)
    assert (response.status_code, response.json()["code"]) == (404, "gone")


def test_retry_queues_the_same_cutout(owner_client: Client, queued_image: Image) -> None:
    Cutout.objects.update(status=Status.FAILED, error_code="internal_error")
    owner_client.post(reverse("web:rerun", args=[queued_image.pk]), {"retry": "1"})
    assert queued_image.cutouts.get().status == Status.QUEUED


def test_rename(owner_client: Client, image: Image) -> None:
    owner_client.post(reverse("web:rename", args=[image.pk]), {"title": "Red disc"})
    image.refresh_from_db()
    assert image.display_name == "Red disc"
