"""What the script that keeps cards up to date is told."""

from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from images.models import Cutout, Image, Status
from images.services.cutouts import request_cutout
from tests.factories import submit

CARDS = reverse("web:cards")


def ask(client: Client, *images: Image) -> list[dict[str, str]]:
    return client.get(CARDS, {"id": [str(image.pk) for image in images]}).json()["cards"]


def test_place_in_the_queue(owner_client: Client, owner: User) -> None:
    first, second = submit(owner, "first.png"), submit(owner, "second.png")
    told = {card["id"]: card["html"] for card in ask(owner_client, first, second)}
    assert "Next in line" in told[str(first.pk)]
    assert "Number 2 in line" in told[str(second.pk)]


def test_finished_card_shows_the_cutout(owner_client: Client, image: Image) -> None:
    (card,) = ask(owner_client, image)
    assert card["status"] == "done"
    assert f"/cutouts/{image.current_cutout_id}/rendition/?format=webp" in card["html"]


def test_doubt_is_marked(owner_client: Client, image: Image) -> None:
    (card,) = ask(owner_client, image)
    assert "Needs a look" not in card["html"]
    Cutout.objects.update(needs_look=True)
    (card,) = ask(owner_client, image)
    assert "Needs a look" in card["html"]
    request_cutout(image=image)
    (card,) = ask(owner_client, image)
    assert "Needs a look" not in card["html"], "it is being cut out again"


def test_failed_card_says_why_and_offers_retry(owner_client: Client, queued_image: Image) -> None:
    Cutout.objects.update(status=Status.FAILED, error_message="No subject was found.")
    (card,) = ask(owner_client, queued_image)
    assert card["status"] == "failed"
    assert "No subject was found." in card["html"]
    assert reverse("web:rerun", args=[queued_image.pk]) in card["html"]


@pytest.mark.parametrize(
    ("code", "offered"),
    [("nothing_found", False), ("truncated_image", False), ("deadline_exceeded", True)],
)
def test_retry_is_offered_where_it_may_help(
    owner_client: Client, queued_image: Image, code: str, offered: bool
) -> None:
    Cutout.objects.update(status=Status.FAILED, error_code=code)
    (card,) = ask(owner_client, queued_image)
    assert ("Try again" in card["html"]) is offered


def test_running_again_counts_as_under_way(owner_client: Client, image: Image) -> None:
    request_cutout(image=image)
    (card,) = ask(owner_client, image)
    assert card["status"] == "queued"
    assert "/rendition/" in card["html"], "the cutout that is there stays to be seen"


def test_other_peoples_unknown_and_deleted_pictures_are_left_out(
    owner_client: Client, stranger: User, image: Image
) -> None:
    Image.objects.filter(pk=image.pk).update(deleted_at=timezone.now())
    query = {"id": [str(submit(stranger).pk), str(image.pk), str(uuid4()), "nonsense"]}
    assert owner_client.get(CARDS, query).json() == {"cards": []}


def test_names_are_escaped(owner_client: Client, image: Image) -> None:
    Image.objects.filter(pk=image.pk).update(title="<script>alert(1)</script>")
    (card,) = ask(owner_client, image)
    assert "<script>" not in card["html"]
