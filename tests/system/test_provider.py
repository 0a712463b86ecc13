"""Signing in at a company's provider, in a browser that holds forms to their own site."""

import shutil
from collections.abc import Iterator

import oidc_provider_mock  # type: ignore[import-untyped]
import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.system.application import Application
from tests.system.conftest import make_application
from tests.system.people import profile, violations

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    with oidc_provider_mock.run_server_in_thread() as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture(scope="module")
def company(
    provider: str, prepared: Application, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Application]:
    folder = tmp_path_factory.mktemp("company")
    shutil.copytree(prepared.folder / "data", folder / "data")
    application = make_application(folder)
    application.settings |= {
        "SIGNUP": "closed",
        "OIDC_SERVER_URL": provider,
        "OIDC_CLIENT_ID": "clearcut",
        "OIDC_CLIENT_SECRET": "s3cret",
        "OIDC_NAME": "Example staff",
    }
    try:
        application.start()
        application.create_administrator("administrator@example.com", "a calm green harbour 17")
        yield application
        application.stop()
    finally:
        application.kill()


def test_there_and_back(
    browser: Browser, company: Application, provider: str, problems: list[str]
) -> None:
    """Also where sign-up is closed: the company has chosen its people."""
    claims = {"email": "ada@example.org", "email_verified": True, "name": "Ada Byte"}
    requests.put(f"{provider}/users/ada", json=claims, timeout=10).raise_for_status()
    with profile(browser, company, problems) as page:
        page.goto("/accounts/login/?next=/images/")
        assert violations(page) == []
        page.get_by_role("button", name="Sign in with Example staff").click()
        at_provider(page, "ada")
        expect(page.get_by_role("heading", name="Your pictures will be here")).to_be_visible()
        page.goto("/account/")
        expect(page.locator("main").get_by_text("ada@example.org")).to_be_visible()
        assert violations(page) == []
        page.get_by_role("link", name="Manage the connection").click()
        expect(page.get_by_role("heading", name="Connected accounts")).to_be_visible()
        assert violations(page) == []
    forget_those_of(provider, problems)


def test_somebody_without_an_address(
    browser: Browser, company: Application, provider: str, problems: list[str]
) -> None:
    claims = {"email": "sly@example.org", "email_verified": False}
    requests.put(f"{provider}/users/sly", json=claims, timeout=10).raise_for_status()
    with profile(browser, company, problems) as page:
        page.goto("/accounts/oidc/company/login/")
        assert violations(page) == []
        page.get_by_role("button", name="Continue").click()
        at_provider(page, "sly")
        expect(page.get_by_role("heading", name="This did not work")).to_be_visible()
        assert violations(page) == []
        problems[:] = [one for one in problems if "status of 403" not in one]
    forget_those_of(provider, problems)


def at_provider(page: Page, name: str) -> None:
    """Its form; what it looks like is no business of ours."""
    page.wait_for_url("**/oauth2/authorize**")
    page.locator("input[name=sub]").fill(name)
    page.locator("input[name=sub]").press("Enter")


def forget_those_of(provider: str, problems: list[str]) -> None:
    """Its pages ask for a style sheet of another host, which there is not."""
    problems[:] = [one for one in problems if not one.startswith(provider)]
