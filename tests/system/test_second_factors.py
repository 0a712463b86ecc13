"""Two-factor and passkeys in a browser that has a security key, as far as it can tell."""

import time
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import Browser, Page, expect

from tests.system.application import Application, wait_until
from tests.system.people import PASSWORD, profile, sign_up
from tests.system.test_pages_everywhere import faults

pytestmark = pytest.mark.browser

PERIOD = 30


def with_security_key(page: Page) -> Any:
    """A virtual one that holds passkeys and knows its owner by the finger."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    added = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return devtools, added["authenticatorId"]


def sign_out(page: Page) -> None:
    page.goto("/accounts/logout/")
    page.locator("main").get_by_role("button", name="Sign Out").click()
    expect(page.get_by_role("link", name="Create an account")).to_be_visible()


def sign_in(page: Page, email: str) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def add_passkey(page: Page, name: str, *, alone: bool = True) -> None:
    page.goto("/account/")
    page.get_by_role("link", name="Manage two-factor").click()
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Name").fill(name)
    page.get_by_label("Sign in with it alone").set_checked(alone)
    page.get_by_role("button", name="Add", exact=True).click()


def expect_workspace(page: Page) -> None:
    expect(page.get_by_role("heading", name="Drop pictures anywhere")).to_be_visible()


def test_a_passkey_signs_in_alone(browser: Browser, live: Application, problems: list[str]) -> None:
    """Add, sign out, sign in with it, rename, remove."""
    with profile(browser, live, problems) as page:
        devtools, key = with_security_key(page)
        sign_up(page, "passkey@example.com")
        add_passkey(page, "Blue key")
        expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
        held = devtools.send("WebAuthn.getCredentials", {"authenticatorId": key})["credentials"]
        assert [one["isResidentCredential"] for one in held] == [True]

        sign_out(page)
        page.goto("/accounts/login/?next=/images/")
        page.get_by_role("button", name="Sign in with a passkey").click()
        expect(page.get_by_role("heading", name="Your pictures will be here")).to_be_visible()

        page.goto("/accounts/2fa/webauthn/")
        page.get_by_role("link", name="Rename Blue key").click()
        page.get_by_label("Name").fill("Green key")
        page.get_by_role("button", name="Save").click()
        page.get_by_role("link", name="Remove Green key").click()
        page.get_by_role("button", name="Remove").click()
        expect(page.get_by_text("None yet.")).to_be_visible()

        sign_out(page)
        page.goto("/accounts/login/")
        page.get_by_role("button", name="Sign in with a passkey").click()
        expect(page.get_by_text("This passkey was not accepted.")).to_be_visible()


def test_a_key_beside_the_password(
    browser: Browser, live: Application, problems: list[str]
) -> None:
    with profile(browser, live, problems) as page:
        with_security_key(page)
        sign_up(page, "second-key@example.com")
        add_passkey(page, "Key at work", alone=False)
        expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
        sign_out(page)
        sign_in(page, "second-key@example.com")
        expect(page.get_by_role("heading", name="One more step")).to_be_visible()
        page.get_by_role("button", name="Use a passkey instead").click()
        expect_workspace(page)


def test_a_cancelled_passkey_is_no_error(
    browser: Browser, live: Application, problems: list[str]
) -> None:
    with profile(browser, live, problems) as page:
        devtools, key = with_security_key(page)
        options = {"authenticatorId": key, "isUserVerified": False}
        devtools.send("WebAuthn.setUserVerified", options)
        sign_up(page, "cancelled@example.com")
        add_passkey(page, "Never made")
        note = page.locator("[data-toast]", has_text="No passkey was made.")
        expect(note).to_be_visible()


def test_an_app_and_recovery_codes(
    browser: Browser, live: Application, problems: list[str]
) -> None:
    email = "with-app@example.com"
    with profile(browser, live, problems) as page:
        sign_up(page, email)
        page.goto("/account/")
        page.get_by_role("link", name="Manage two-factor").click()
        page.get_by_role("link", name="Set up an app").click()
        square = page.get_by_role("img", name="A QR code")
        assert square.evaluate("image => image.complete && image.naturalWidth > 100")
        secret = secret_on(page)
        first = code_of(secret)
        page.get_by_label("Authenticator code").fill(first)
        page.get_by_role("button", name="Turn on").click()
        codes = page.locator(".codes").inner_text().split()
        assert len(codes) == 10
        with page.expect_download() as waiting:
            page.get_by_role("link", name="Download").click()
        assert waiting.value.path().read_text().split() == codes

        sign_out(page)
        sign_in(page, email)
        wait_until(lambda: code_of(secret) != first, PERIOD + 5, "a new code", pause=0.5)
        second_step(page, code_of(secret))
        expect_workspace(page)

        sign_out(page)
        sign_in(page, email)
        second_step(page, codes[0])
        expect_workspace(page)

        sign_out(page)
        sign_in(page, email)
        second_step(page, codes[0])
        expect(page.get_by_text("Incorrect code.")).to_be_visible()


WITH_FACTORS = [
    "/account/",
    "/accounts/2fa/",
    "/accounts/2fa/webauthn/",
    "/accounts/2fa/webauthn/add/",
    "/accounts/2fa/recovery-codes/",
    "/accounts/2fa/recovery-codes/generate/",
    "/accounts/2fa/totp/deactivate/",
    "/accounts/2fa/reauthenticate/",
    "/accounts/2fa/webauthn/reauthenticate/",
    "/accounts/sessions/",
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_the_look(
    browser: Browser, live: Application, problems: list[str], scheme: str, width: int
) -> None:
    """axe finds nothing and nothing sticks out, on pages that need a fresh proof, too."""
    look: dict[str, Any] = {"color_scheme": scheme, "viewport": {"width": width, "height": 800}}
    email = f"look-{scheme}-{width}@example.com"
    with profile(browser, live, problems, **look) as page:
        with_security_key(page)
        sign_up(page, email)
        found = faults(page, "/accounts/2fa/totp/activate/")
        page.get_by_label("Authenticator code").fill(code_of(secret_on(page)))
        page.get_by_role("button", name="Turn on").click()
        expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
        add_passkey(page, "Blue key")
        expect(page.get_by_role("heading", name="Two-factor and passkeys")).to_be_visible()
        for url in WITH_FACTORS:
            found += faults(page, url)
            assert url in page.url
        page.goto("/accounts/2fa/webauthn/")
        for name in ("Rename Blue key", "Remove Blue key"):
            page.goto("/accounts/2fa/webauthn/")
            page.get_by_role("link", name=name).click()
            found += faults(page, page.url)
        sign_out(page)
        sign_in(page, email)
        expect(page.get_by_role("heading", name="One more step")).to_be_visible()
        found += faults(page, page.url)
    assert found == []


def secret_on(page: Page) -> str:
    return page.locator("[data-copy-source]").inner_text()


def second_step(page: Page, code: str) -> None:
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Sign in", exact=True).click()


def code_of(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // PERIOD))


def test_where_passkeys_cannot_be(browser: Browser, live: Application, problems: list[str]) -> None:
    """At a number, also on this machine: the page says why, and offers none."""
    context = browser.new_context(base_url=f"http://127.0.0.1:{live.port}")
    page = context.new_page()
    page.goto("/accounts/login/")
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_have_count(0)
    expect(page.locator("[data-passkey-problem]")).to_contain_text("localhost")
    context.close()
