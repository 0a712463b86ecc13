"""Thumbs up and down: the service, the API and the page say the same."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from images.models import Cutout, Image, Status
from images.services.cutouts import request_cutout
from images.services.errors import CutoutHasFailed, CutoutNotReady, ServiceError
from images.services.feedback import give_feedback, take_back_feedback
from images.tasks import run_next_cutout
from processing.confidence import NEEDS_LOOK

pytestmark = pytest.mark.django_db
Rating = Cutout.Rating


def address(cutout: Cutout) -> str:
    return f"/api/v1/cutouts/{cutout.pk}/feedback/"


def verdict(cutout: Cutout) -> tuple[str, str, bool]:
    cutout.refresh_from_db()
    return cutout.rating, cutout.rating_reason, cutout.rated_at is not None


def test_giving_changing_and_taking_back(cutout: Cutout) -> None:
    give_feedback(cutout=cutout, rating=Rating.DOWN, reason="  the hair is gone ")
    assert verdict(cutout) == ("down", "the hair is gone", True)
    give_feedback(cutout=cutout, rating=Rating.UP)
    assert verdict(cutout) == ("up", "", True)
    take_back_feedback(cutout=cutout)
    assert verdict(cutout) == ("", "", False)
    take_back_feedback(cutout=cutout)


@pytest.mark.parametrize(
    ("status", "refusal"),
    [
        (Status.QUEUED, CutoutNotReady),
        (Status.RUNNING, CutoutNotReady),
        (Status.FAILED, CutoutHasFailed),
    ],
)
@pytest.mark.parametrize("is_fresh", [True, False])
def test_only_what_is_done(
    cutout: Cutout, status: Status, refusal: type[ServiceError], is_fresh: bool
) -> None:
    Cutout.objects.update(status=status)
    if is_fresh:
        cutout.refresh_from_db()
    with pytest.raises(refusal if is_fresh else CutoutNotReady):
        give_feedback(cutout=cutout, rating=Rating.UP)
    assert verdict(cutout) == ("", "", False)


def test_whoever_has_judged_has_looked(api: APIClient, cutout: Cutout) -> None:
    Cutout.objects.update(needs_look=True)
    assert api.get(f"/api/v1/cutouts/{cutout.pk}/").json()["needs_look"] is True
    assert api.put(address(cutout), {"rating": "up"}).json()["needs_look"] is False
    cutout.refresh_from_db()
    assert cutout.needs_look is False


@pytest.mark.parametrize(
    ("confidence", "doubtful"), [(0.31, True), (NEEDS_LOOK, False), (0.9, False), (None, False)]
)
def test_taken_back_doubt_counts_again(
    api: APIClient, cutout: Cutout, confidence: float | None, doubtful: bool
) -> None:
    Cutout.objects.update(confidence=confidence, needs_look=doubtful)
    assert api.put(address(cutout), {"rating": "up"}).json()["needs_look"] is False
    assert api.delete(address(cutout)).status_code == 204
    assert api.get(f"/api/v1/cutouts/{cutout.pk}/").json()["needs_look"] is doubtful


def test_taking_back_what_nobody_said_changes_nothing(cutout: Cutout) -> None:
    Cutout.objects.update(confidence=0.9, needs_look=True)
    take_back_feedback(cutout=cutout)
    cutout.refresh_from_db()
    assert cutout.needs_look


def test_api(api: APIClient, cutout: Cutout) -> None:
    done = api.put(address(cutout), {"rating": "down", "reason": "a hand is missing"})
    assert done.status_code == 200
    assert (done.json()["rating"], done.json()["rating_reason"]) == ("down", "a hand is missing")
    assert verdict(cutout) == ("down", "a hand is missing", True)
    assert api.put(address(cutout), {"rating": "up"}).status_code == 200
    assert verdict(cutout) == ("up", "", True)
    assert api.delete(address(cutout)).status_code == 204
    assert verdict(cutout) == ("", "", False)


@pytest.mark.parametrize(
    ("body", "attr", "code"),
    [
        ({}, "rating", "required"),
        ({"rating": "sideways"}, "rating", "invalid_choice"),
        ({"rating": None}, "rating", "null"),
        ({"rating": ["up"]}, "rating", "invalid_choice"),
        ({"rating": "up", "reason": "x" * 501}, "reason", "max_length"),
        ({"rating": "up", "reason": "a\0b"}, "reason", "null_characters_not_allowed"),
        ({"rating": "up", "reason": {"a": 1}}, "reason", "invalid"),
        ([], "non_field_errors", "invalid"),
    ],
)
def test_what_the_api_refuses(
    api: APIClient, cutout: Cutout, body: Any, attr: str, code: str
) -> None:
    refused = api.put(address(cutout), body)
    assert refused.status_code == 400
    found = {(error["attr"], error["code"]) for error in refused.json()["errors"]}
    assert (attr, code) in found
    assert verdict(cutout) == ("", "", False)


def test_the_api_waits_for_the_end(api: APIClient, queued_image: Image) -> None:
    refused = api.put(address(queued_image.cutouts.get()), {"rating": "up"})
    assert refused.status_code == 409
    assert refused.json()["errors"][0]["code"] == "not_ready"


def judge(client: Client, cutout: Cutout, **form: str) -> str:
    """The page after the form was sent."""
    done = client.post(reverse("web:feedback", args=[cutout.pk]), form, follow=True)
    assert done.redirect_chain[0][0].startswith(f"/images/{cutout.image_id}/")
    return done.content.decode()


def test_page(owner_client: Client, cutout: Cutout) -> None:
    page = owner_client.get(f"/images/{cutout.image_id}/").content.decode()
    assert page.count('aria-pressed="false"') == 2
    assert 'name="reason"' not in page
    page = judge(owner_client, cutout, rating="down")
    assert 'value="none" aria-pressed="true" aria-label="Bad"' in page
    page = judge(owner_client, cutout, rating="down", reason='a "hand" <b>')
    assert 'value="a &quot;hand&quot; &lt;b&gt;"' in page
    assert verdict(cutout) == ("down", 'a "hand" <b>', True)
    page = judge(owner_client, cutout, rating="up")
    assert 'value="none" aria-pressed="true" aria-label="Good"' in page
    assert 'name="reason"' not in page
    judge(owner_client, cutout, rating="none")
    assert verdict(cutout) == ("", "", False)


def test_the_page_says_what_was_noted(owner_client: Client, cutout: Cutout) -> None:
    page = judge(owner_client, cutout, rating="up")
    assert "Noted as good." in page
    page = judge(owner_client, cutout, rating="down")
    assert "Noted as bad." in page
    assert ">Send<" in page
    page = judge(owner_client, cutout, rating="down", reason="an ear is missing")
    assert "your words are noted" in page
    assert ">sent<" in page
    assert "taken back" in judge(owner_client, cutout, rating="none")


@pytest.mark.parametrize("form", [{}, {"rating": "x"}, {"rating": "up", "reason": "x" * 501}])
def test_what_the_page_refuses(owner_client: Client, cutout: Cutout, form: dict[str, str]) -> None:
    assert "A verdict is up, down or none" in judge(owner_client, cutout, **form)
    assert verdict(cutout) == ("", "", False)


def test_nothing_to_judge(owner_client: Client, queued_image: Image) -> None:
    page = owner_client.get(f"/images/{queued_image.pk}/").content.decode()
    assert 'id="feedback"' not in page
    page = judge(owner_client, queued_image.cutouts.get(), rating="up")
    assert "not finished yet" in page


def test_an_earlier_version_keeps_its_own(owner_client: Client, owner: User, image: Image) -> None:
    first = image.current_cutout
    assert first is not None
    request_cutout(image=image)
    run_next_cutout()
    page = judge(owner_client, first, rating="up")
    assert 'aria-pressed="true"' in page
    assert 'aria-pressed="true"' not in owner_client.get(f"/images/{image.pk}/").content.decode()
