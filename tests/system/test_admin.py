"""Whoever runs this: sees how things are, finds what is wrong, and mends it."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, FilePayload, Page, StorageState, expect

from tests.factories import picture_bytes
from tests.system.application import Application
from tests.system.people import (
    PASSWORD,
    choose,
    expect_status,
    member,
    overflow,
    photo,
    profile,
    violations,
)

pytestmark = pytest.mark.browser

OWNER = "somebody@example.com"
PAGES = [
    "/admin/",
    "/admin/images/image/",
    "/admin/images/cutout/",
    "/admin/images/sharelink/",
    "/admin/images/workerprocess/",
    "/admin/accounts/user/",
    "/admin/accounts/user/add/",
    "/admin/accounts/apitoken/",
    "/admin/accounts/invitation/",
    "/admin/accounts/sitesettings/1/change/",
    "/admin/usersessions/usersession/",
    "/admin/admin/logentry/",
]


def cut_short(name: str) -> FilePayload:
    """A picture whose header is whole, so that it is accepted, and whose end is missing."""
    content = picture_bytes(size=(320, 240))
    return {"name": name, "mimeType": "image/png", "buffer": content[: len(content) // 2]}


@pytest.fixture(scope="module")
def owner(browser: Browser, live: Application) -> StorageState:
    """Somebody with a finished picture and one that failed."""
    state = member(browser, live, OWNER)
    with profile(browser, live, [], state) as page:
        page.goto("/workspace/")
        choose(page, photo("pebble.png"), cut_short("torn.png"))
        expect_status(page, "pebble.png", "done")
        expect_status(page, "torn.png", "failed")
    return state


@pytest.fixture(scope="module")
def administrator(browser: Browser, live: Application) -> StorageState:
    """Signs in at the door of the admin site itself."""
    with profile(browser, live, []) as page:
        page.goto("/admin/")
        page.get_by_label("Email").fill("administrator@example.com")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
        return page.context.storage_state()


@pytest.fixture
def page(
    browser: Browser,
    live: Application,
    problems: list[str],
    owner: StorageState,
    administrator: StorageState,
) -> Iterator[Page]:
    with profile(browser, live, problems, administrator) as page:
        yield page


def test_how_things_are(page: Page) -> None:
    page.goto("/admin/")
    expect(page.get_by_role("heading", name="All is well")).to_be_visible()
    workers = page.get_by_role("region", name="Queue")
    expect(workers.get_by_text("ready").first).to_be_visible()
    days = page.get_by_role("region", name="The last 30 days")
    expect(days.get_by_role("img", name="Uploaded pictures")).to_be_visible()
    days.get_by_text("As a table").click()
    today = days.get_by_role("row").nth(1)
    uploaded = int(today.get_by_role("cell").nth(0).inner_text())
    assert uploaded >= 2
    failures = page.get_by_role("region", name="Failures")
    expect(failures.get_by_role("link", name="Damaged or incomplete").first).to_be_visible()
    expect(failures.get_by_text("truncated_image")).to_be_visible()


def test_from_a_failure_to_another_try(page: Page) -> None:
    page.goto("/admin/")
    failures = page.get_by_role("region", name="Failures")
    failures.get_by_role("link", name="Damaged or incomplete", exact=True).click()
    row = page.get_by_role("row").filter(has_text="torn.png")
    expect(row.get_by_text("failed")).to_be_visible()
    row.get_by_role("checkbox").check()
    page.get_by_label("Action:").select_option(label="Try the selected failed cutouts again")
    page.get_by_role("button", name="Run").or_(page.get_by_role("button", name="Go")).click()
    expect(page.get_by_text("1 cutout is queued again.")).to_be_visible()


def test_setting_a_limit(page: Page) -> None:
    page.goto(f"/admin/accounts/user/?q={OWNER}")
    page.get_by_role("link", name=OWNER).click()
    page.get_by_label("Pictures at most").fill("100")
    page.get_by_label("Room for originals at most").fill("1.5 GB")
    page.get_by_role("button", name="Save", exact=True).click()
    page.goto(f"/admin/accounts/user/?q={OWNER}")
    expect(page.get_by_role("row").filter(has_text=OWNER)).to_contain_text("100 pictures, 1536 MB")


def test_ending_a_session(
    page: Page, browser: Browser, live: Application, problems: list[str]
) -> None:
    state = member(browser, live, "guest-of-the-house@example.com")
    with profile(browser, live, problems, state) as guest:
        guest.goto("/account/")
        expect(guest.get_by_role("heading", level=1)).to_be_visible()
        page.goto("/admin/usersessions/usersession/?q=guest-of-the-house")
        page.get_by_role("row").filter(has_text="guest-of").get_by_role("checkbox").check()
        page.get_by_label("Action:").select_option(label="End the selected sessions")
        page.get_by_role("button", name="Run").or_(page.get_by_role("button", name="Go")).click()
        expect(page.get_by_text("1 session ended.")).to_be_visible()
        guest.reload()
        expect(guest.get_by_role("button", name="Sign in", exact=True)).to_be_visible()


LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 900}},
    "phone": {"color_scheme": "light", "viewport": {"width": 360, "height": 740}},
}


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_is_accessible(
    browser: Browser,
    live: Application,
    problems: list[str],
    owner: StorageState,
    administrator: StorageState,
    look: str,
) -> None:
    found = []
    with profile(browser, live, problems, administrator, **LOOKS[look]) as page:
        for address in PAGES:
            page.goto(address)
            found += violations(page)
            if address == "/admin/":
                assert overflow(page) <= 0
    assert not found, "\n".join(found)


def test_without_scripts(
    browser: Browser,
    live: Application,
    problems: list[str],
    owner: StorageState,
    administrator: StorageState,
) -> None:
    with profile(browser, live, problems, administrator, java_script_enabled=False) as page:
        page.goto("/admin/")
        expect(page.get_by_role("heading", name="All is well")).to_be_visible()
        page.goto("/admin/images/image/?q=pebble")
        page.get_by_role("link", name="pebble.png", exact=True).first.click()
        expect(page.get_by_role("img", name="pebble.png")).to_be_visible()


def test_thumbs_on_the_page_of_a_picture(
    browser: Browser, live: Application, problems: list[str], owner: StorageState, page: Page
) -> None:
    with profile(browser, live, problems, owner) as own:
        own.goto("/images/?q=pebble")
        own.get_by_role("link", name="pebble.png", exact=True).click()
        own.get_by_role("button", name="Bad").click()
        expect(own.get_by_role("button", name="Bad")).to_have_attribute("aria-pressed", "true")
        own.get_by_label("What is wrong with it?").fill("The shadow is gone")
        own.get_by_role("button", name="Send").click()
        expect(own.get_by_label("What is wrong with it?")).to_have_value("The shadow is gone")
        assert violations(own) == []
    page.goto("/admin/")
    verdicts = page.get_by_role("region", name="What people think of cutouts")
    expect(verdicts.get_by_text("The shadow is gone")).to_be_visible()
