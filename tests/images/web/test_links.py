"""Public links on the page of a picture: made, seen and revoked there."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from images.models import Cutout, Image, ShareLink
from images.services.sharing import share
from images.web.links import in_words
from processing.spec import RenderSpec


def page_of(client: Client, image: Image) -> str:
    return client.get(reverse("web:image", args=[image.pk])).content.decode()


def make(client: Client, cutout: Cutout, query: str = "", **form: str) -> Any:
    return client.post(reverse("web:make_link", args=[cutout.pk]) + query, form)


def test_none_are_mentioned_where_there_are_none(owner_client: Client, image: Image) -> None:
    page = page_of(owner_client, image)
    assert "Public links" not in page
    assert "Make a public link" in page


def test_made_for_what_the_form_describes(owner_client: Client, cutout: Cutout) -> None:
    query = "?background=custom&colour=%23ff8800&format=jpeg&quality=90&size=60"
    asked = owner_client.get(reverse("web:make_link", args=[cutout.pk]) + query).content.decode()
    assert "JPEG, #ff8800 behind it, at most 60 px" in asked
    assert not ShareLink.objects.exists()
    made = make(owner_client, cutout, query, days="7")
    address = made.context["address"]
    assert address in made.content.decode()
    assert "no-store" in made["Cache-Control"]
    picture = Client().get(address.removeprefix("http://testserver"))
    assert (picture.status_code, picture["Content-Type"]) == (200, "image/jpeg")
    link = ShareLink.objects.get()
    assert link.expires_at is not None
    assert (link.expires_at - timezone.now()).days == 6


def test_the_page_lists_and_revokes(owner_client: Client, image: Image, cutout: Cutout) -> None:
    address = make(owner_client, cutout, "?format=webp", days="0").context["address"]
    page = page_of(owner_client, image)
    assert "Public links" in page
    assert "WEBP, transparent" in page
    assert "does not end by itself" in page
    assert address not in page
    link = ShareLink.objects.get()
    done = owner_client.post(reverse("web:end_link", args=[link.pk]), follow=True)
    assert "no longer works" in done.content.decode()
    assert "Public links" not in page_of(owner_client, image)
    assert Client().get(address.removeprefix("http://testserver")).status_code == 404
    assert owner_client.post(reverse("web:end_link", args=[link.pk])).status_code == 404


def test_nobody_else_makes_or_revokes_one(stranger_client: Client, cutout: Cutout) -> None:
    link, _secret = share(cutout=cutout, spec=RenderSpec(), lifetime=None)
    assert make(stranger_client, cutout, days="7").status_code == 404
    assert stranger_client.post(reverse("web:end_link", args=[link.pk])).status_code == 404
    assert ShareLink.objects.usable().get() == link


@pytest.mark.parametrize(
    "query", ["?format=gif", "?size=x", "?nonsense=1", "?background=custom&colour=x"]
)
def test_what_does_not_fit(owner_client: Client, cutout: Cutout, query: str) -> None:
    response = make(owner_client, cutout, query, days="7")
    assert response.status_code == 302
    assert response["Location"].startswith(f"/images/{cutout.image_id}/")
    assert not ShareLink.objects.exists()


@pytest.mark.parametrize("days", ["", "-1", "99999", "x"])
def test_lifetimes_that_are_not_offered(owner_client: Client, cutout: Cutout, days: str) -> None:
    assert make(owner_client, cutout, days=days).context["form"].errors
    assert not ShareLink.objects.exists()


def test_not_before_it_is_finished(owner_client: Client, queued_image: Image) -> None:
    cutout = queued_image.cutouts.get()
    response = owner_client.get(reverse("web:make_link", args=[cutout.pk]), follow=True)
    assert "not finished yet" in response.content.decode()


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("", "PNG, transparent"),
        ("format=webp&background=blur", "WEBP, blur"),
        ("background=fff&width=300&height=200", "PNG, #ffffff behind it, at most 300 px"),
        ("format=jpeg", "JPEG, #ffffff behind it"),
        ("channels=alpha", "PNG, the mask alone"),
    ],
)
def test_in_words(spec: str, words: str) -> None:
    assert in_words(RenderSpec.parse(spec)).startswith(words)
