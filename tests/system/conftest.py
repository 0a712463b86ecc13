"""The application as people run it, and a browser to look at it."""

import re
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from processing.engines.catalog import ENGINES, engine_problem
from tests.programs import find_program
from tests.system.application import Application
from tests.system.client import Client

# Read before tests/conftest.py gives each test folders of its own.
MODEL_DIR = Path(django_settings.MODEL_DIR)
WEIGHTS_PROBLEM = engine_problem(ENGINES["u2net"], model_dir=MODEL_DIR)
# Tests ask more often than people do, and from one address.
GENEROUS = dict.fromkeys(("API_RATE", "UPLOAD_RATE", "ANONYMOUS_RATE"), "100000/min")
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is a system test."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.system)
            if WEIGHTS_PROBLEM and item.get_closest_marker("weights"):
                item.add_marker(pytest.mark.skip(reason=WEIGHTS_PROBLEM))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure shows what the application wrote last."""
    report = yield
    if report.failed:
        for name, value in getattr(item, "funcargs", {}).items():
            if isinstance(value, Application):
                report.sections.append((f"output of {name}", "".join(value.output[-60:])))
    return report


def make_application(folder: Path) -> Application:
    """Not started yet. Without weights it uses the engine that needs none."""
    engine = "drawn" if WEIGHTS_PROBLEM else "u2net"
    return Application(folder, MODEL_DIR, settings={**GENEROUS, "DEFAULT_ENGINE": engine})


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    """One `make run` for all tests. It must end well, too: the last assertion is in stop()."""
    application = make_application(tmp_path_factory.mktemp("live"))
    try:
        application.start()
        application.create_administrator("administrator@example.com", "a calm green harbour 17")
        yield application
        application.stop()
    finally:
        application.kill()


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Application:
    """Stopped after its first start; what was prepared is still there."""
    application = make_application(tmp_path_factory.mktemp("prepared"))
    try:
        application.start()
        application.stop()
    finally:
        application.kill()
    assert any("Preparing the database" in line for line in application.output)
    return application


def spare_preparing(folder: Path, prepared: Application) -> None:
    """Have an application in `folder` find what takes long to prepare, and is the same for all."""
    for name in ("static", "stamps"):
        shutil.copytree(prepared.folder / "data" / name, folder / "data" / name)


@pytest.fixture
def program(live: Application, request: pytest.FixtureRequest) -> Client:
    """A program with a token, whose history is empty."""
    name = re.sub(r"\W+", "-", request.node.name).strip("-")
    return Client(live, f"{name}@example.com")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = find_program(*CHROMIUM)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_OPTIONS)
        yield browser
        browser.close()


REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`CSP: ${event.violatedDirective} blocked ${event.blockedURI}`);
});
"""


@pytest.fixture
def problems() -> Iterator[list[str]]:
    """What the browser complained about. A test that provokes a complaint takes it out again."""
    found: list[str] = []
    yield found
    assert not found, "the browser complained:\n" + "\n".join(found)


@pytest.fixture
def context(browser: Browser, live: Application, problems: list[str]) -> Iterator[BrowserContext]:
    """A browser profile of its own. Every page in it is watched for errors and CSP reports."""
    context = browser.new_context(base_url=live.url, locale="en-GB", accept_downloads=True)
    context.set_default_timeout(15_000)
    context.add_init_script(REPORT_VIOLATIONS)
    context.on("page", lambda page: watch(page, problems))
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def watch(page: Page, problems: list[str]) -> None:
    page.on("pageerror", lambda error: problems.append(f"{page.url}: {error}"))
    page.on(
        "console",
        lambda message: (
            problems.append(f"{page.url}: {message.text}") if message.type == "error" else None
        ),
    )
