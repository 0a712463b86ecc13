"""What holds on every page: accessible, usable on a phone, by keyboard, and without scripts."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, FilePayload, Page, StorageState, expect

from tests.system.application import Application
from tests.system.people import (
    CUTOUT_MS,
    PASSWORD,
    download,
    member,
    overflow,
    photo,
    pixel,
    profile,
    upload_and_wait,
    violations,
)

pytestmark = pytest.mark.browser

SIGNED_OUT = [
    "/",
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/password/reset/",
    "/accounts/password/reset/done/",
    "/accounts/inactive/",
    "/help/moving-from-rembg/",
    "/help/moving-from-remove-bg/",
    "/help/webhooks/",
]
SIGNED_IN = [
    "/workspace/",
    "/images/",
    "/images/?q=no-such-picture",
    "/trash/",
    "/account/",
    "/account/tokens/",
    "/account/webhooks/",
    "/accounts/password/change/",
    "/accounts/email/",
    "/accounts/reauthenticate/",
    "/accounts/2fa/",
    "/accounts/2fa/webauthn/",
    "/accounts/sessions/",
    "/accounts/logout/",
    "/account/export/",
    "/account/delete/",
]


@pytest.fixture(scope="module")
def state(browser: Browser, live: Application) -> StorageState:
    """Somebody with one finished picture."""
    state = member(browser, live, "everywhere@example.com")
    with profile(browser, live, [], state) as page:
        upload_and_wait(page, "pebble.png")
    return state


@pytest.fixture
def own(
    browser: Browser, live: Application, problems: list[str], state: StorageState
) -> Iterator[Page]:
    with profile(browser, live, problems, state) as page:
        yield page


def own_pages(page: Page) -> list[str]:
    """Also the pages of the picture, whose addresses only the gallery knows."""
    page.goto("/images/")
    address = page.locator("a.card-name").first.get_attribute("href")
    assert address is not None
    page.goto(address)
    link = page.locator("button[formaction]").get_attribute("formaction")
    assert link is not None
    return [*SIGNED_IN, address, link]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_axe_finds_nothing_and_nothing_sticks_out(
    browser: Browser,
    live: Application,
    problems: list[str],
    state: StorageState,
    scheme: str,
    width: int,
) -> None:
    found: list[str] = []
    look: dict[str, Any] = {"color_scheme": scheme, "viewport": {"width": width, "height": 800}}
    with profile(browser, live, problems, **look) as page:
        found += [wrong for url in SIGNED_OUT for wrong in faults(page, url)]
    with profile(browser, live, problems, state, **look) as page:
        found += [wrong for url in own_pages(page) for wrong in faults(page, url)]
    assert found == []


def faults(page: Page, url: str) -> list[str]:
    page.goto(url)
    wider = overflow(page)
    return violations(page) + ([f"{url} is {wider} px too wide"] if wider > 0 else [])


def test_error_page_is_accessible(own: Page, problems: list[str]) -> None:
    own.goto("/no/such/page/")
    expect(own.get_by_role("heading", name="Nothing here")).to_be_visible()
    assert violations(own) == []
    problems[:] = [one for one in problems if "status of 404" not in one]


def test_zoomed_to_twice_the_size(
    browser: Browser, live: Application, problems: list[str], state: StorageState
) -> None:
    half: dict[str, Any] = {"viewport": {"width": 640, "height": 400}, "device_scale_factor": 2}
    with profile(browser, live, problems, state, **half) as page:
        for url in own_pages(page):
            page.goto(url)
            assert overflow(page) <= 0, url


def test_theme_is_switched_and_remembered(own: Page) -> None:
    own.goto("/workspace/")
    paper = "() => getComputedStyle(document.documentElement).backgroundColor"
    light = own.evaluate(paper)
    own.get_by_role("button", name="Switch between light and dark").click()
    dark = own.evaluate(paper)
    assert light != dark
    own.goto("/images/")
    assert own.evaluate(paper) == dark
    assert own.evaluate("() => document.documentElement.dataset.theme") == "dark"


def test_keyboard_alone(own: Page) -> None:
    """Skip link, then to a picture's page, another background, and its download."""
    own.goto("/images/")
    own.keyboard.press("Tab")
    expect(own.get_by_role("link", name="Skip to the content")).to_be_focused()
    own.keyboard.press("Enter")
    tab_to(own, "a.card-name")
    own.keyboard.press("Enter")
    expect(own.get_by_role("heading", level=1)).to_have_text("pebble.png")
    tab_to(own, "input[name=background]")
    own.keyboard.press("ArrowRight")
    expect(own.locator("[data-stage]")).to_have_css("background-color", "rgb(255, 255, 255)")
    tab_to(own, "[data-download]")
    with own.expect_download() as waiting:
        own.keyboard.press("Enter")
    assert waiting.value.suggested_filename == "pebble.png"


def tab_to(page: Page, selector: str) -> None:
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.locator(f"{selector}:focus").count():
            return
    raise AssertionError(f"the keyboard does not reach {selector}")


def test_account_menu_closes_with_escape(own: Page) -> None:
    own.goto("/workspace/")
    summary = own.locator("[data-menu] > summary")
    summary.focus()
    own.keyboard.press("Enter")
    expect(own.get_by_role("link", name="API tokens")).to_be_visible()
    own.keyboard.press("Escape")
    expect(own.get_by_role("link", name="API tokens")).to_be_hidden()
    expect(summary).to_be_focused()


def test_without_scripts(browser: Browser, live: Application, problems: list[str]) -> None:
    """From signing up to a white JPEG, by forms and links alone."""
    with profile(browser, live, problems, java_script_enabled=False) as page:
        page.goto("/accounts/signup/")
        page.locator("[name=email]").fill("no-scripts@example.com")
        page.locator("[name=password1]").fill(PASSWORD)
        page.get_by_role("button", name="Create account").click()
        bad: FilePayload = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"milk"}
        page.get_by_label("Choose pictures").set_input_files([photo("plain.png"), bad])
        page.get_by_role("button", name="Remove backgrounds").click()
        expect(page.get_by_text("1 picture added.")).to_be_visible()
        expect(page.get_by_text("notes.txt: The file is not a picture")).to_be_visible()
        done = page.locator("[data-card][data-status=done]")
        expect(done).to_have_count(1, timeout=CUTOUT_MS)
        page.get_by_role("link", name="plain.png").click()
        page.get_by_role("group", name="Background").get_by_label("White").check()
        page.get_by_label("JPEG").check(force=True)
        name, picture = download(page)
        assert (name, picture.format) == ("plain.jpg", "JPEG")
        assert min(pixel(picture, (2, 2))) > 250
        page.get_by_role("button", name="Delete", exact=True).click()
        page.get_by_role("button", name="Undo").click()
        expect(page.get_by_role("link", name="plain.png")).to_be_visible()


def test_a_token_is_shown_once_and_works_until_revoked(
    browser: Browser, live: Application, problems: list[str]
) -> None:
    """By somebody who has just signed up: others are asked for their password first."""
    state = member(browser, live, "with-token@example.com")
    with profile(browser, live, problems, state) as page:
        page.goto("/account/tokens/")
        page.get_by_label("Name").fill("Shop import")
        page.get_by_role("button", name="Create token").click()
        key = page.locator("[data-new-key] .copy code").inner_text()
        assert status_with(live, key) == 200
        page.goto("/account/tokens/")
        assert key not in page.content()
        expect(page.get_by_role("cell", name="Shop import", exact=True)).to_be_visible()
        page.get_by_role("button", name="Revoke Shop import").click()
        expect(page.get_by_text("no longer works")).to_be_visible()
        assert status_with(live, key) == 401


def status_with(live: Application, key: str) -> int:
    header = {"Authorization": f"Token {key}"}
    return requests.get(f"{live.url}/api/v1/account/", headers=header, timeout=10).status_code


def test_sign_out_and_in_again(browser: Browser, live: Application, problems: list[str]) -> None:
    state = member(browser, live, "returning@example.com")
    with profile(browser, live, problems, state) as page:
        page.goto("/workspace/")
        page.locator("[data-menu] > summary").click()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("link", name="Create an account")).to_be_visible()
        page.goto("/images/")
        page.get_by_label("Email").fill("returning@example.com")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page.get_by_role("heading", name="Your pictures will be here")).to_be_visible()
