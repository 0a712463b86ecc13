"""Addresses without their last slash, as programs meet them that follow redirects."""

import pytest
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from images.models import Image
from tests.factories import picture_file

pytestmark = pytest.mark.django_db

BARE = "/api/v1/images"


@pytest.mark.parametrize("debug", [False, True])
def test_nothing_sent_becomes_a_list(api: APIClient, settings: Settings, debug: bool) -> None:
    settings.DEBUG = debug
    response = api.post(f"{BARE}?a=1", {"file": picture_file()}, format="multipart", follow=True)
    assert response.status_code == 404
    (error,) = response.json()["errors"]
    assert (error["code"], error["attr"]) == ("not_found", None)
    assert error["detail"].endswith("POST /api/v1/images/")
    assert int(response["Content-Length"]) == len(response.content)
    assert not Image.objects.exists()


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_nor_is_anything_changed(api: APIClient, image: Image, method: str) -> None:
    response = api.generic(method.upper(), f"{BARE}/{image.pk}")
    assert response.status_code == 404
    assert "slash" in response.json()["errors"][0]["detail"]
    image.refresh_from_db()
    assert image.deleted_at is None


@pytest.mark.parametrize("method", ["get", "head"])
def test_reading_is_redirected(api: APIClient, image: Image, method: str) -> None:
    response = getattr(api, method)(f"{BARE}?page_size=1")
    assert (response.status_code, response["Location"]) == (301, "/api/v1/images/?page_size=1")
    assert getattr(api, method)(f"{BARE}/{image.pk}", follow=True).status_code == 200


def test_below_a_path(settings: Settings) -> None:
    settings.FORCE_SCRIPT_NAME = "/clearcut"
    response = Client().post(BARE)
    assert "POST /clearcut/api/v1/images/" in response.json()["errors"][0]["detail"]


def test_what_is_nowhere_says_nothing_of_slashes(api: APIClient) -> None:
    response = api.post("/api/v1/nothing")
    assert response.status_code == 404
    assert "slash" not in response.json()["errors"][0]["detail"]


def test_pages_are_redirected_as_ever(client: Client) -> None:
    assert client.get("/accounts/login").headers["Location"] == "/accounts/login/"
