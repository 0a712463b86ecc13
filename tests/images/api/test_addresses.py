"""Pictures that are named by an address instead of being sent."""

from collections.abc import Iterator
from contextlib import ExitStack
from ipaddress import ip_network
from typing import Any
from uuid import uuid4

import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from images.api.waiting import waiting_place
from images.models import Batch, Image
from tests.factories import picture_bytes, picture_file
from tests.images.api.test_images import IMAGES, only_error
from tests.images.fetching.hostile import Server, answering, serving

pytestmark = pytest.mark.django_db


@pytest.fixture
def reachable(settings: Settings) -> None:
    """This machine, which is refused otherwise."""
    settings.IMPORT_NETWORKS = [ip_network("127.0.0.0/8")]


@pytest.fixture
def server(reachable: None, settings: Settings) -> Iterator[Server]:
    with serving(answering(picture_bytes("JPEG"))) as server:
        settings.IMPORT_PORTS = [server.port]
        yield server


@pytest.mark.parametrize("format", ["json", "multipart"])
def test_fetched(api: APIClient, owner: User, server: Server, format: str) -> None:  # noqa: A002
    batch = Batch.objects.create(owner=owner)
    sent = {
        "url": f"{server.url}/photos/red%20disc.jpg?size=1",
        "title": "A disc",
        "tags": ["a", "b"],
        "batch": str(batch.pk),
        "roi": "0% 0% 50% 100%",
    }
    response = api.post(IMAGES, sent, format=format)
    assert response.status_code == 201
    body = response.json()
    assert (body["original_name"], body["content_type"]) == ("red disc.jpg", "image/jpeg")
    assert (body["title"], body["tags"], body["batch"]) == ("A disc", ["a", "b"], sent["batch"])
    original = api.get(body["original_url"])
    assert b"".join(original.streaming_content) == picture_bytes("JPEG")  # type: ignore[attr-defined]


def told(response: Any) -> tuple[int, str, str]:
    error = only_error(response)
    return response.status_code, error["code"], error["attr"]


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1/",
        "http://[::1]/",
        "file:///etc/passwd",
        "nonsense",
        "http://",
        "http://[",
        "https://user:password@example.com/",
    ],
)
def test_refused(api: APIClient, url: str) -> None:
    assert told(api.post(IMAGES, {"url": url})) == (400, "address_refused", "url")
    assert not Image.objects.exists()


def test_no_picture_there(api: APIClient, reachable: None, settings: Settings) -> None:
    with serving(answering(b"no", status="404 Not Found")) as server:
        settings.IMPORT_PORTS = [server.port]
        assert told(api.post(IMAGES, {"url": server.url})) == (400, "download_failed", "url")
    with serving(answering(b"just some text, long enough to be read")) as server:
        settings.IMPORT_PORTS = [server.port]
        assert told(api.post(IMAGES, {"url": server.url})) == (400, "not_an_image", "url")
    assert not Image.objects.exists()


def test_off(api: APIClient, settings: Settings) -> None:
    settings.IMPORTS = False
    found = told(api.post(IMAGES, {"url": "https://example.com/a.jpg"}))
    assert found == (400, "imports_off", "url")


def test_null_counts_as_left_out(api: APIClient, server: Server) -> None:
    nothing = dict.fromkeys(("title", "tags", "batch", "engine", "refine_edges", "roi", "file"))
    response = api.post(IMAGES, {"url": server.url, **nothing})
    assert response.status_code == 201, response.content
    assert (response.json()["batch"], response.json()["tags"]) == (None, [])
    assert told(api.post(IMAGES, {"url": None})) == (400, "required", "file")


def test_exactly_one(api: APIClient, server: Server) -> None:
    both = {"file": picture_file(), "url": server.url}
    assert told(api.post(IMAGES, both, format="multipart")) == (400, "only_one", "url")
    assert told(api.post(IMAGES, {})) == (400, "required", "file")
    assert server.asked == []


@pytest.mark.parametrize("url", [1.5, [], {}, "", "x" * 2001, "http://a\0", ["a"]])
def test_wrong(api: APIClient, url: Any) -> None:
    response = api.post(IMAGES, {"url": url})
    assert response.status_code == 400
    assert only_error(response)["attr"] == "url"


def test_a_parameter_that_is_wrong_keeps_its_name(api: APIClient, server: Server) -> None:
    response = api.post(IMAGES, {"url": server.url, "roi": "0 0 999px 10px"})
    assert told(response)[2] == "roi"


def test_slow_servers_cannot_take_all_threads(
    api: APIClient, server: Server, settings: Settings
) -> None:
    with ExitStack() as held:
        for _ in range(max(1, settings.WEB_THREADS // 2)):
            held.enter_context(waiting_place(uuid4()))
        response = api.post(IMAGES, {"url": server.url})
    assert told(response)[:2] == (503, "busy")
    assert server.asked == []
    assert api.post(IMAGES, {"url": server.url}).status_code == 201
