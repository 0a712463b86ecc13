"""What people do in a browser, in the words of the tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any, cast

from axe_playwright_python.sync_playwright import Axe
from PIL import Image as Pixels
from playwright.sync_api import Browser, FilePayload, Locator, Page, StorageState, expect

from tests.factories import picture_bytes
from tests.system.application import Application
from tests.system.conftest import REPORT_VIOLATIONS, watch

PASSWORD = "a calm green harbour 17"
CUTOUT_MS = 60_000


@contextmanager
def profile(
    browser: Browser,
    live: Application,
    problems: list[str],
    state: StorageState | None = None,
    **options: Any,
) -> Iterator[Page]:
    """A page in a browser profile of its own, watched like every other."""
    context = browser.new_context(
        base_url=live.url, locale="en-GB", storage_state=state, accept_downloads=True, **options
    )
    context.set_default_timeout(15_000)
    context.on("page", lambda page: watch(page, problems))
    if options.get("java_script_enabled", True):
        context.add_init_script(REPORT_VIOLATIONS)
    yield context.new_page()
    context.close()


def sign_up(page: Page, email: str) -> None:
    page.goto("/")
    page.get_by_role("link", name="Create an account").click()
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", name="Drop pictures anywhere")).to_be_visible()


def member(browser: Browser, live: Application, email: str) -> StorageState:
    """Sign up and remember the session, to be used in as many profiles as a test likes."""
    problems: list[str] = []
    with profile(browser, live, problems) as page:
        sign_up(page, email)
        state = page.context.storage_state()
    assert not problems, problems
    return state


def photo(name: str = "disc.png", size: tuple[int, int] = (320, 240)) -> FilePayload:
    """A red disc on a light ground, small enough to be cut out quickly."""
    return {"name": name, "mimeType": "image/png", "buffer": picture_bytes(size=size)}


def choose(page: Page, *files: FilePayload) -> None:
    """Through the page's own button, as people do."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose pictures").click()
    chooser.value.set_files(list(files))


def card(page: Page, name: str) -> Locator:
    named = page.locator(".card-name", has_text=name)
    return page.locator("[data-card]").filter(has=named).first


def expect_status(page: Page, name: str, status: str, timeout: float = CUTOUT_MS) -> None:
    expect(card(page, name)).to_have_attribute("data-status", status, timeout=timeout)


def upload_and_wait(page: Page, *names: str) -> None:
    page.goto("/workspace/")
    choose(page, *(photo(name) for name in names))
    for name in names:
        expect_status(page, name, "done")


def open_picture(page: Page, name: str) -> None:
    page.goto(f"/images/?q={name}")
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()


def download(page: Page) -> tuple[str, Pixels.Image]:
    """Press Download; the name and the pixels of the file."""
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download").click()
    content = waiting.value.path().read_bytes()
    return waiting.value.suggested_filename, Pixels.open(BytesIO(content))


def pixel(picture: Pixels.Image, at: tuple[int, int]) -> tuple[int, ...]:
    return cast("tuple[int, ...]", picture.getpixel(at))


def violations(page: Page) -> list[str]:
    """What axe finds on the page, each with an example."""
    # Preloading style sheets that import others would write one into the page: against the CSP.
    found = Axe().run(page, options={"preload": False}).response["violations"]
    return [
        f"{page.url}: {one['id']} ({one['impact']}): {one['nodes'][0]['html'][:200]}"
        for one in found
    ]


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than the window."""
    return int(page.evaluate("() => document.documentElement.scrollWidth - innerWidth"))
