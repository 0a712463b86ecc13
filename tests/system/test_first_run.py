"""A new installation in a browser: its administrator, and the first person they invite."""

import shutil
from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.system.application import Application
from tests.system.client import Client
from tests.system.people import PASSWORD, overflow, profile, upload_and_wait, violations

pytestmark = pytest.mark.browser


@pytest.fixture
def fresh(prepared: Application, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    """`make run` on the data of a start that nobody used."""
    folder = tmp_path_factory.mktemp("fresh")
    shutil.copytree(prepared.folder / "data", folder / "data")
    application = Application(folder, prepared.model_dir, prepared.settings)
    try:
        application.start()
        yield application
    finally:
        application.kill()


def fill_in(page: Page, email: str) -> None:
    if page.get_by_label("E-mail address").is_enabled():
        page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("The same password again").fill(PASSWORD)


def check(page: Page) -> None:
    """Of a new page: accessible, on a phone, too."""
    assert violations(page) == []
    page.set_viewport_size({"width": 360, "height": 740})
    assert overflow(page) <= 0
    page.set_viewport_size({"width": 1280, "height": 800})


def test_from_nothing_to_the_first_guest(
    browser: Browser, fresh: Application, problems: list[str]
) -> None:
    assert requests.get(f"{fresh.url}/api/v1/images/", timeout=10).status_code == 401
    assert requests.get(fresh.url, timeout=10).url == f"{fresh.url}/first-run/"
    with profile(browser, fresh, problems) as page:
        become_administrator(page, fresh)
        upload_and_wait(page, "first.png")
        link = invite(page, "guest@example.com")
    with profile(browser, fresh, problems) as page:
        page.goto("/")
        expect(page.get_by_text("Accounts here are by invitation")).to_be_visible()
        check(page)
        accept(page, link)
    with profile(browser, fresh, problems) as page:
        page.goto(link)
        expect(page.get_by_role("heading", name="No invitation")).to_be_visible()
        check(page)
    problems[:] = [one for one in problems if "status of 410" not in one]
    nothing_is_asked_again(fresh)


def become_administrator(page: Page, fresh: Application) -> None:
    page.goto("/workspace/")
    expect(page.get_by_label("One-time code")).to_be_visible()
    check(page)
    page.goto(fresh.first_run_link())
    assert page.url == f"{fresh.url}/first-run/"  # the code is in no address any more
    expect(page.get_by_label("One-time code")).to_have_count(0)
    check(page)
    fill_in(page, "admin@example.com")
    expect(page.get_by_label("Who may make an account")).to_have_value("invitation")
    page.get_by_role("button", name="Make the administrator").click()
    expect(page.get_by_role("heading", name="Drop pictures anywhere")).to_be_visible()
    page.goto("/admin/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def invite(page: Page, email: str) -> str:
    page.goto("/account/invitations/")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_role("button", name="Make an invitation").click()
    link = page.locator("[data-copy-source]").inner_text()
    check(page)
    return link


def accept(page: Page, link: str) -> None:
    page.goto(link)
    expect(page.get_by_label("E-mail address")).to_have_value("guest@example.com")
    check(page)
    fill_in(page, "")
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", name="Drop pictures anywhere")).to_be_visible()


def nothing_is_asked_again(fresh: Application) -> None:
    """Not by a second start, either."""
    fresh.stop()
    fresh.output.clear()
    fresh.start()
    assert requests.get(fresh.url, timeout=10).url == f"{fresh.url}/"
    fresh.stop()
    assert "once:" not in "".join(fresh.output)


def test_a_program_may_come_first(fresh: Application) -> None:
    """`issue_token` makes an account; the link is for the administrator all the same."""
    program = Client(fresh, "you@example.com")
    assert program.get("/account/").status_code == 200
    assert requests.get(fresh.url, timeout=10).url == f"{fresh.url}/"
    assert fresh.manage("first_run_link") == fresh.first_run_link()
    fresh.create_administrator("you@example.com", PASSWORD)
    assert program.get("/account/").status_code == 200
    fresh.stop()
