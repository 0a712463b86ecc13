"""The workspace: every way in, and every way it can go wrong."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, StorageState, expect

from tests.system.application import Application
from tests.system.people import (
    card,
    choose,
    expect_status,
    member,
    photo,
    profile,
    sign_up,
)

pytestmark = pytest.mark.browser

# Events carry files that the page itself has to make.
FILES_FROM = """
(files) => {
  const transfer = new DataTransfer();
  for (const { name, type, content } of files) {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    transfer.items.add(new File([bytes], name, { type }));
  }
  return transfer;
}
"""


@pytest.fixture(scope="module")
def state(browser: Browser, live: Application) -> StorageState:
    return member(browser, live, "uploads@example.com")


@pytest.fixture
def workspace(
    browser: Browser, live: Application, problems: list[str], state: StorageState
) -> Iterator[Page]:
    with profile(browser, live, problems, state) as page:
        page.goto("/workspace/")
        yield page


def as_script(name: str) -> list[dict[str, str]]:
    file = photo(name)
    content = base64.b64encode(file["buffer"]).decode()
    return [{"name": name, "type": file["mimeType"], "content": content}]


def test_from_sign_up_to_a_cutout_without_reloading(page: Page) -> None:
    sign_up(page, "first-steps@example.com")
    expect(page.get_by_text("1. Drop")).to_be_visible()
    page.evaluate("() => { window.isStillTheSamePage = true; }")
    choose(page, photo("one.png"), photo("two.png"))
    for name in ("one.png", "two.png"):
        expect_status(page, name, "done")
        picture = card(page, name).locator(".card-picture > img:not(.card-ghost)")
        expect(picture).to_have_attribute("src", re.compile("/rendition/"))
        assert picture.evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 0
    assert page.evaluate("() => window.isStillTheSamePage") is True


def test_dropped_anywhere(workspace: Page) -> None:
    transfer = workspace.evaluate_handle(FILES_FROM, as_script("dropped.png"))
    footer = workspace.locator("footer")
    footer.dispatch_event("dragenter", {"dataTransfer": transfer})
    expect(workspace.get_by_text("Let go to add them")).to_be_visible()
    footer.dispatch_event("drop", {"dataTransfer": transfer})
    expect(workspace.get_by_text("Let go to add them")).to_be_hidden()
    expect_status(workspace, "dropped.png", "done")


def test_pasted(workspace: Page) -> None:
    workspace.evaluate(
        f"""(files) => {{
          const clipboardData = ({FILES_FROM})(files);
          document.body.dispatchEvent(
            new ClipboardEvent("paste", {{ clipboardData, bubbles: true, cancelable: true }}));
        }}""",
        as_script("pasted.png"),
    )
    expect_status(workspace, "pasted.png", "done")


def test_bad_files_say_why_and_the_others_go_on(workspace: Page, problems: list[str]) -> None:
    choose(
        workspace,
        {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"milk, eggs"},
        {"name": "nothing.png", "mimeType": "image/png", "buffer": b""},
        {"name": "lies.png", "mimeType": "image/png", "buffer": b"no picture at all" * 9},
        photo("among-bad.png"),
    )
    expect(card(workspace, "notes.txt")).to_contain_text("not a picture")
    expect(card(workspace, "nothing.png")).to_contain_text("The file is empty.")
    expect(card(workspace, "lies.png")).to_contain_text("The file is not a picture")
    expect_status(workspace, "among-bad.png", "done")
    problems[:] = [one for one in problems if "status of 400" not in one]


def test_a_file_too_large_is_not_even_sent(workspace: Page, tmp_path: Path) -> None:
    huge = tmp_path / "huge.jpg"
    with huge.open("wb") as file:
        file.truncate(26 * 1024 * 1024)
    sent: list[str] = []
    workspace.on("request", lambda request: sent.append(request.method))
    workspace.locator("[data-files]").set_input_files(huge)
    expect(card(workspace, "huge.jpg")).to_contain_text("too large: at most 25 MB")
    assert "POST" not in sent


def test_a_broken_connection_can_be_retried(workspace: Page, problems: list[str]) -> None:
    workspace.route("**/api/v1/images/", lambda route: route.abort())
    choose(workspace, photo("broken-off.png"))
    expect(card(workspace, "broken-off.png")).to_contain_text("The connection broke off")
    workspace.unroute("**/api/v1/images/")
    card(workspace, "broken-off.png").get_by_role("button", name="Try again").click()
    expect_status(workspace, "broken-off.png", "done")
    problems[:] = [one for one in problems if "net::ERR_FAILED" not in one]


def test_a_busy_server_is_waited_for(workspace: Page, problems: list[str]) -> None:
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            route.fulfill(status=503, headers={"Retry-After": "1"}, body="{}")
        else:
            route.continue_()

    workspace.route("**/api/v1/images/", answer)
    choose(workspace, photo("patient.png"))
    expect(card(workspace, "patient.png")).to_contain_text("The server is busy")
    expect_status(workspace, "patient.png", "done")
    assert len(asked) == 2
    problems[:] = [one for one in problems if "status of 503" not in one]


def test_leaving_and_coming_back_loses_nothing(workspace: Page) -> None:
    choose(workspace, photo("left-alone.png"))
    expect(card(workspace, "left-alone.png").locator("a.card-name")).to_be_attached()
    workspace.goto("/account/")
    workspace.goto("/workspace/")
    expect_status(workspace, "left-alone.png", "done")
