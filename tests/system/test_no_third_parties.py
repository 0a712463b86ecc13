"""No page asks anybody else for anything: all that links lead to, with the network closed."""

import re
from collections import deque
from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

import pytest
from playwright.sync_api import Browser, Error, Page

from tests.programs import find_program
from tests.system.application import Application
from tests.system.conftest import CHROMIUM, CHROMIUM_OPTIONS
from tests.system.people import PASSWORD, profile, upload_and_wait

pytestmark = pytest.mark.browser

MAX_PAGES = 150
# Files, and links that change something or end the session.
NOT_PAGES = re.compile(
    r"/(?:logout|original|rendition|matte|edges|preview|thumbnail|jsi18n)/|\.\w+$"
)
IDENTIFIER = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+")


@pytest.fixture(scope="module")
def cut_off(browser: Browser) -> Iterator[Browser]:
    """A browser that can reach this machine and nothing else."""
    rules = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost"
    other = browser.browser_type.launch(
        executable_path=find_program(*CHROMIUM), args=[*CHROMIUM_OPTIONS, rules]
    )
    yield other
    other.close()


def kind(address: str) -> str:
    """Pages of one kind look alike: /images/1/ and /images/2/ are one."""
    return IDENTIFIER.sub("*", urlsplit(address).path)


def links(page: Page, live: Application) -> list[str]:
    found = page.eval_on_selector_all("a[href]", "all => all.map(one => one.getAttribute('href'))")
    addresses = [urljoin(page.url, link).partition("#")[0] for link in found]
    return [
        address
        for address in addresses
        if address.startswith(live.url) and not NOT_PAGES.search(urlsplit(address).path)
    ]


def crawl(page: Page, live: Application, *starts: str) -> tuple[set[str], set[str]]:
    """(kinds of pages seen, addresses asked of anybody else)."""
    foreign: set[str] = set()
    own = (live.url, "data:", "blob:")
    page.on(
        "request",
        lambda request: None if request.url.startswith(own) else foreign.add(request.url),
    )
    waiting, seen = deque(live.url + start for start in starts), set[str]()
    while waiting and len(seen) < MAX_PAGES:
        address = waiting.popleft()
        if kind(address) in seen:
            continue
        seen.add(kind(address))
        if is_page(page, address):
            waiting.extend(links(page, live))
    return seen, foreign


def is_page(page: Page, address: str) -> bool:
    """Opens it; False where a file comes instead."""
    try:
        page.goto(address, wait_until="load")
    except Error as error:
        if "Download is starting" in error.message:
            return False
        raise
    return True


def test_signed_out(cut_off: Browser, live: Application) -> None:
    with profile(cut_off, live, []) as page:
        seen, foreign = crawl(page, live, "/", "/accounts/login/", "/api/docs/", "/no/such/page/")
    assert foreign == set()
    assert {"/", "/accounts/login/", "/api/docs/"} <= seen


def test_signed_in_as_an_administrator(cut_off: Browser, live: Application) -> None:
    live.create_user("looks-everywhere@example.com", PASSWORD)
    live.manage(
        "shell",
        "-c",
        "from accounts.models import User; "
        "User.objects.filter(email='looks-everywhere@example.com')"
        ".update(is_staff=True, is_superuser=True)",
    )
    with profile(cut_off, live, []) as page:
        page.goto("/accounts/login/")
        page.get_by_label("Email").fill("looks-everywhere@example.com")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        upload_and_wait(page, "everywhere.png")
        seen, foreign = crawl(page, live, "/workspace/", "/images/", "/account/", "/admin/")
    assert foreign == set()
    assert {"/workspace/", "/images/*/", "/account/tokens/", "/admin/images/cutout/"} <= seen
    assert len(seen) > 25
