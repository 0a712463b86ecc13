"""Codes that every part of the API shares, as docs/api.md lists them."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from images.api.throttles import UserThrottle
from tests.images.api.test_images import IMAGES, only_error

pytestmark = pytest.mark.django_db

BATCHES = "/api/v1/batches/"
LINKS = "/api/v1/links/00000000-0000-0000-0000-000000000001/"


@pytest.mark.parametrize(
    ("method", "address", "body", "status", "code"),
    [
        ("POST", BATCHES, "{", 400, "parse_error"),
        ("POST", BATCHES, '{"expected": 0}', 400, "min_value"),
        ("POST", BATCHES, '{"expected": 1e9}', 400, "max_value"),
        ("POST", BATCHES, '{"expected": "x"}', 400, "invalid"),
        ("POST", BATCHES, '{"name": "\\u0000"}', 400, "null_characters_not_allowed"),
        ("POST", f"{IMAGES}bulk/", '{"action": "delete", "ids": 1}', 400, "not_a_list"),
        ("POST", f"{IMAGES}bulk/", '{"action": "no", "ids": []}', 400, "invalid_choice"),
        ("POST", f"{IMAGES}bulk/", '{"action": null, "ids": []}', 400, "null"),
        ("GET", LINKS, "", 404, "not_found"),
        ("PUT", BATCHES, "{}", 405, "method_not_allowed"),
        ("POST", "/api/v1/tokens/", '{"name": "a"}', 403, "permission_denied"),
    ],
)
def test_codes(
    api: APIClient, method: str, address: str, body: str, status: int, code: str
) -> None:
    response: Any = api.generic(method, address, body, "application/json")
    assert (response.status_code, only_error(response)["code"]) == (status, code)


def test_other_types_of_bodies(api: APIClient) -> None:
    response: Any = api.generic("POST", BATCHES, "<a/>", "text/xml")
    assert (response.status_code, only_error(response)["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("headers", "code"),
    [({}, "not_authenticated"), ({"X-Api-Key": "cc_unknown"}, "authentication_failed")],
)
def test_who_asks(headers: dict[str, str], code: str) -> None:
    response = APIClient().get(IMAGES, headers=headers)
    assert (response.status_code, only_error(response)["code"]) == (401, code)


def test_too_often(api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UserThrottle, "get_rate", lambda self: "1/min")
    api.get(IMAGES)
    response = api.get(IMAGES)
    assert (response.status_code, only_error(response)["code"]) == (429, "throttled")
    assert int(response["Retry-After"]) > 0
