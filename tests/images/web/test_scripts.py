"""The scripts of the pages in a browser. Its requests go straight to the views, so that a test
decides when work is done and when the server is busy. Whole journeys are in tests/system.
"""

import mimetypes
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.staticfiles import finders
from django.db import connections
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, Locator, Page, Request, expect, sync_playwright

from accounts.models import User
from images.models import Cutout, Image, Status
from images.services.errors import Busy
from images.services.renditions import get_rendition
from images.tasks import run_next_cutout
from tests.factories import submit
from tests.programs import find_program

pytestmark = pytest.mark.browser

BASE = "http://clearcut.test"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
GALLERY = reverse("web:gallery")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = find_program(*CHROMIUM)
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright runs a loop in this thread; nothing of ours runs in that loop.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, owner_client: Client) -> Iterator[Page]:
    page = browser.new_page(base_url=BASE)
    page.set_default_timeout(15_000)
    connection = connections["default"]
    connection.inc_thread_sharing()
    # Without a loop, as views have it; and one by one, on the connection of the test.
    with ThreadPoolExecutor(1, initializer=use_connection, initargs=(connection,)) as thread:
        page.route(
            f"{BASE}/**",
            lambda route, request: route.fulfill(
                **thread.submit(answer, owner_client, Asked.by(request)).result()
            ),
        )
        yield page
        page.close()
    connection.dec_thread_sharing()


def use_connection(connection: Any) -> None:
    connections["default"] = connection


@dataclass(frozen=True)
class Asked:
    """A request of the browser, read before another thread answers it."""

    method: str
    url: str
    body: bytes
    content_type: str
    accept: str

    @classmethod
    def by(cls, request: Request) -> "Asked":
        headers = request.headers
        return cls(
            request.method,
            request.url,
            request.post_data_buffer or b"",
            headers.get("content-type", ""),
            headers.get("accept", ""),
        )


def answer(client: Client, asked: Asked) -> dict[str, Any]:
    url = urlsplit(asked.url)
    if url.path.startswith("/static/"):
        found = finders.find(url.path.removeprefix("/static/"))
        assert isinstance(found, str), url.path
        return {"path": found, "content_type": mimetypes.guess_type(found)[0]}
    response: Any = client.generic(
        asked.method,
        f"{url.path}?{url.query}",
        asked.body,
        asked.content_type,
        headers={"Accept": asked.accept},
    )
    body = b"".join(response.streaming_content) if response.streaming else response.content
    return {"status": response.status_code, "headers": dict(response.headers), "body": body}


def card(page: Page, image: Image) -> Locator:
    return page.locator(f'[data-card][data-id="{image.pk}"]')


def shown_picture(page: Page, image: Image) -> Locator:
    return card(page, image).locator(".card-picture > img:not(.card-ghost)")


def is_loaded(picture: Locator) -> bool:
    return bool(picture.evaluate("(one) => one.complete && one.naturalWidth > 0"))


def eventually_loaded(picture: Locator, seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while not is_loaded(picture) and time.monotonic() < end:
        picture.page.wait_for_timeout(50)
    return is_loaded(picture)


def fail(image: Image, code: str = "nothing_found") -> None:
    Cutout.objects.filter(image=image).update(
        status=Status.FAILED, error_code=code, error_message="No subject was found."
    )


def test_a_refused_retry_is_told_and_the_card_brought_up_to_date(page: Page, owner: User) -> None:
    image = submit(owner)
    fail(image, "internal_error")
    page.goto(GALLERY)
    page.evaluate("() => { window.isStillTheSamePage = true }")
    Cutout.objects.update(status=Status.RUNNING)  # tried again in another window
    card(page, image).get_by_role("button", name="Try again").click()
    toast = page.locator("[data-toast].is-error")
    expect(toast).to_contain_text("Only a failed cutout can be tried again.")
    expect(card(page, image)).to_have_attribute("data-status", "running")
    expect(card(page, image)).to_contain_text("Removing the background")
    assert page.evaluate("() => window.isStillTheSamePage") is True
    toast.get_by_role("button", name="Dismiss").click()
    expect(toast).to_have_count(0)


def test_retry(page: Page, owner: User) -> None:
    image = submit(owner)
    fail(image, "internal_error")
    page.goto(GALLERY)
    card(page, image).get_by_role("button", name="Try again").click()
    expect(card(page, image)).to_contain_text("Next in line")
    assert Cutout.objects.get().status == Status.QUEUED
    run_next_cutout()
    expect(card(page, image)).to_have_attribute("data-status", "done")
    assert eventually_loaded(shown_picture(page, image))


def test_undo_brings_back_a_picture_that_was_waiting(page: Page, owner: User) -> None:
    """While it is deleted, the server has no card of it; it must not be taken for gone."""
    image, other = submit(owner, "a.png"), submit(owner, "b.png")
    page.goto(GALLERY)
    page.get_by_label("Select a.png").check(force=True)
    page.locator("[data-selection]").get_by_role("button", name="Delete").click()
    expect(card(page, image)).to_be_hidden()
    for _ in range(2):  # the other one is asked for meanwhile
        with page.expect_response(lambda response: reverse("web:cards") in response.url):
            pass
    page.get_by_role("button", name="Undo").click()
    expect(card(page, image)).to_be_visible()
    run_next_cutout()
    run_next_cutout()
    for one in (image, other):
        expect(card(page, one)).to_have_attribute("data-status", "done")


def test_a_picture_that_fails_is_shown_as_it_was_sent(page: Page, owner: User) -> None:
    image = submit(owner)
    for address in (GALLERY, reverse("web:image", args=[image.pk])):
        Cutout.objects.update(status=Status.QUEUED)
        Image.objects.update(preview="")
        page.goto(address)
        fail(image)
        picture = page.locator(f'img[src="{reverse("web:preview", args=[image.pk])}"]')
        assert eventually_loaded(picture)
        expect(picture).to_be_visible()
        expect(page.get_by_text("There is nothing to show.")).to_be_hidden()


def test_a_picture_that_cannot_be_read_leaves_its_frame_empty(page: Page, owner: User) -> None:
    image = submit(owner)
    fail(image, "truncated_image")
    page.goto(GALLERY)
    expect(shown_picture(page, image)).to_have_count(0)
    expect(card(page, image).locator(".card-picture > .icon")).to_be_visible()
    page.goto(reverse("web:image", args=[image.pk]))
    expect(page.get_by_text("There is nothing to show.")).to_be_visible()
    widths = [page.locator(one).bounding_box() for one in (".stage > .notice", ".stage-frame")]
    assert widths[0] is not None
    assert widths[1] is not None
    assert widths[0]["width"] == widths[1]["width"]


def test_buttons_are_in_the_middle_on_phones(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    touch = page.context.new_cdp_session(page)
    touch.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    page.goto(reverse("web:workspace"))
    for name in ("Choose pictures", "Take a photo"):
        button = page.get_by_role("button", name=name).bounding_box()
        assert button is not None
        assert button["x"] + button["width"] / 2 == pytest.approx(180, abs=10)


def test_a_lost_picture_leaves_its_frame_empty(page: Page, image: Image) -> None:
    Path(image.original.path).unlink()
    Image.objects.update(preview="", current_cutout=None)
    fail(image)
    page.goto(GALLERY)
    expect(shown_picture(page, image)).to_be_hidden()
    expect(card(page, image).locator(".card-picture > .icon")).to_be_visible()
    page.goto(reverse("web:image", args=[image.pk]))
    expect(page.get_by_text("There is nothing to show.")).to_be_visible()


def test_a_busy_server_is_asked_again(
    page: Page, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also for a card that turned up while nobody could listen to its picture."""
    image = submit(owner)
    page.goto(GALLERY)
    asked = []

    def busy_once(**kwargs: Any) -> Any:
        asked.append(kwargs)
        if len(asked) == 1:
            raise Busy
        return get_rendition(**kwargs)

    monkeypatch.setattr("images.web.files.get_rendition", busy_once)
    run_next_cutout()
    expect(card(page, image)).to_have_attribute("data-status", "done")
    expect(shown_picture(page, image)).to_be_hidden()
    assert eventually_loaded(shown_picture(page, image))
    expect(shown_picture(page, image)).to_be_visible()
    assert len(asked) == 2
