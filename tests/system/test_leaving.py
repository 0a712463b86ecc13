"""Taking all one's data, and deleting the account, in a browser and on the disk."""

from pathlib import Path
from zipfile import ZipFile

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.system.application import Application, wait_until
from tests.system.people import PASSWORD, profile, sign_up, upload_and_wait, violations

pytestmark = pytest.mark.browser

EMAIL = "leaving@example.com"


def test_take_everything_and_leave(
    browser: Browser, live: Application, problems: list[str]
) -> None:
    with (
        profile(browser, live, problems) as page,
        profile(browser, live, problems, java_script_enabled=False) as elsewhere,
    ):
        sign_up(page, EMAIL)
        upload_and_wait(page, "shell.png")
        sign_in(elsewhere)
        take(page)
        folder = files_of(live, original_id(page))
        assert any(folder.iterdir())
        leave(page)
        elsewhere.goto("/workspace/")
        expect(elsewhere.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
        wait_until(lambda: not folder.exists() or None, 60, "the files are gone", pause=0.5)
        sign_up(page, EMAIL)  # the address is free


def sign_in(page: Page) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Drop pictures anywhere")).to_be_visible()


def take(page: Page) -> None:
    page.goto("/account/")
    page.get_by_role("link", name="Download my data").click()
    assert violations(page) == []
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download").click()
    assert waiting.value.suggested_filename.endswith(".zip")
    with ZipFile(waiting.value.path()) as archive:
        assert archive.testzip() is None
        names = set(archive.namelist())
    assert {"originals/shell.png", "cutouts/shell.png", "mattes/shell.png"} < names
    assert "missing.txt" not in names


def original_id(page: Page) -> str:
    page.goto("/images/")
    address = page.locator("a.card-name").first.get_attribute("href")
    assert address
    return address.strip("/").split("/")[-1]


def files_of(live: Application, identifier: str) -> Path:
    return live.folder / "media" / "originals" / identifier[:2] / identifier


def leave(page: Page) -> None:
    page.goto("/account/")
    page.get_by_role("link", name="Delete my account").click()
    assert violations(page) == []
    page.get_by_label("Your e-mail address").fill(EMAIL)
    page.get_by_role("button", name="Delete my account for good").click()
    expect(page.get_by_text("Your account is gone")).to_be_visible()
