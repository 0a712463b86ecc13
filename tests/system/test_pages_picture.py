"""The page of one picture, the gallery and the trash."""

from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Browser, Page, Route, StorageState, expect

from tests.system.application import Application
from tests.system.people import (
    CUTOUT_MS,
    card,
    choose,
    download,
    expect_status,
    member,
    open_picture,
    photo,
    pixel,
    profile,
    upload_and_wait,
)

pytestmark = pytest.mark.browser
CORNER, CENTRE = (2, 2), (160, 120)


@pytest.fixture(scope="module")
def state(browser: Browser, live: Application) -> StorageState:
    """Somebody with finished pictures, of which the melon is the largest."""
    state = member(browser, live, "pictures@example.com")
    with profile(browser, live, [], state) as page:
        upload_and_wait(page, "apple.png", "pear.png", "plum.png")
        choose(page, photo("melon.png", (800, 600)))
        expect_status(page, "melon.png", "done")
    return state


@pytest.fixture
def own(
    browser: Browser, live: Application, problems: list[str], state: StorageState
) -> Iterator[Page]:
    with profile(browser, live, problems, state) as page:
        yield page


def is_red(colour: tuple[int, ...]) -> bool:
    return colour[0] > 150 and colour[1] < 90 and colour[2] < 90


def test_slider_works_with_the_keyboard(own: Page) -> None:
    open_picture(own, "apple.png")
    slider = own.get_by_role("slider", name="How much of the original is shown")
    slider.focus()
    own.keyboard.press("Home")
    assert clip_of(own) == pytest.approx(0)
    for _ in range(5):
        own.keyboard.press("ArrowRight")
    assert clip_of(own) == pytest.approx(0.1)
    own.keyboard.press("End")
    assert clip_of(own) == pytest.approx(1)


def clip_of(page: Page) -> float:
    """Share of the original's width that is shown."""
    script = "(node) => parseFloat(getComputedStyle(node).getPropertyValue('--split')) / 100"
    return float(page.locator("[data-compare]").evaluate(script))


def test_slider_works_with_the_mouse(own: Page) -> None:
    open_picture(own, "apple.png")
    box = own.locator("[data-compare]").bounding_box()
    assert box is not None
    own.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + box["height"] / 2)
    assert clip_of(own) == pytest.approx(0.75, abs=0.02)


def test_transparent_png(own: Page) -> None:
    open_picture(own, "apple.png")
    name, picture = download(own)
    assert (name, picture.format, picture.size) == ("apple.png", "PNG", (320, 240))
    assert pixel(picture, CORNER) == (0, 0, 0, 0)
    assert pixel(picture, CENTRE)[3] == 255
    assert is_red(pixel(picture, CENTRE))


def test_white_is_shown_at_once_and_downloaded(own: Page) -> None:
    open_picture(own, "apple.png")
    own.get_by_role("group", name="Background").get_by_label("White").check()
    stage = own.locator("[data-stage]")
    expect(stage).to_have_css("background-color", "rgb(255, 255, 255)")
    _name, picture = download(own)
    assert picture.format == "PNG"
    assert pixel(picture.convert("RGB"), CORNER) == (255, 255, 255)
    assert is_red(pixel(picture.convert("RGB"), CENTRE))


def test_jpeg_on_an_own_colour_in_a_smaller_size(own: Page) -> None:
    open_picture(own, "melon.png")
    own.get_by_label("Own colour").first.check()
    own.locator("input[name=colour]").fill("#0066ff")
    own.get_by_text("JPEG", exact=True).click()
    own.get_by_label("Longest side").select_option("512")
    name, picture = download(own)
    assert (name, picture.format) == ("melon.jpg", "JPEG")
    assert picture.size == (512, 384)
    blue = pixel(picture, CORNER)
    assert (blue[0] < 20, blue[2] > 235) == (True, True), blue


def test_transparency_on_other_grounds_is_remembered(own: Page) -> None:
    open_picture(own, "apple.png")
    own.get_by_label("Dark checkerboard").check()
    grounds = own.locator("[data-grounds]")
    own.get_by_role("group", name="Background").get_by_label("White").check()
    expect(grounds).to_be_hidden()
    own.get_by_role("group", name="Background").get_by_label("Transparent").check()
    expect(grounds).to_be_visible()
    expect(own.locator("[data-stage]")).to_have_attribute("data-ground", "dark")
    own.reload()
    expect(own.locator("[data-stage]")).to_have_attribute("data-ground", "dark")


def test_a_public_link_without_scripts(
    browser: Browser, live: Application, problems: list[str], state: StorageState
) -> None:
    with profile(browser, live, problems, state, java_script_enabled=False) as page:
        open_picture(page, "pear.png")
        page.get_by_text("JPEG", exact=True).click()
        page.get_by_role("button", name="Make a public link").click()
        expect(page.get_by_text("JPEG, #ffffff behind it")).to_be_visible()
        page.get_by_role("button", name="Make a public link").click()
        address = page.locator("[data-copy-source]").inner_text()
        assert requests.get(address, timeout=30).headers["Content-Type"] == "image/jpeg"
        page.get_by_role("link", name="Back to the picture").click()
        links = page.get_by_role("region", name="Public links")
        links.get_by_role("button", name="Revoke").click()
        expect(links).to_have_count(0)
        assert requests.get(address, timeout=30).status_code == 404


def test_run_again_is_followed_live(own: Page) -> None:
    open_picture(own, "plum.png")
    own.get_by_role("button", name="Run again").click()
    expect(own.locator("[data-live]")).to_have_attribute("data-status", "done", timeout=CUTOUT_MS)
    expect(own.locator(".versions .badge.is-done")).to_have_count(2)


def test_a_new_picture_is_followed_on_its_own_page(own: Page) -> None:
    own.goto("/workspace/")
    choose(own, photo("quince.png", (1600, 1200)))
    card(own, "quince.png").locator("a.card-name").click()
    expect(own.locator("[data-stage]")).to_be_visible(timeout=CUTOUT_MS)
    name, _picture = download(own)
    assert name == "quince.png"


def test_rename(own: Page) -> None:
    open_picture(own, "pear.png")
    own.locator("summary[aria-label=Rename]").click()
    own.get_by_label("Title").fill("Conference pear")
    own.get_by_role("button", name="Save").click()
    expect(own.get_by_role("heading", level=1)).to_have_text("Conference pear")
    own.goto("/images/?q=conference")
    expect(own.locator("[data-card]")).to_have_count(1)


def test_a_picture_that_a_busy_server_refused_comes_later(own: Page, problems: list[str]) -> None:
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            route.fulfill(status=503, headers={"Retry-After": "3"}, body="busy")
        else:
            route.continue_()

    own.route("**/rendition/*", answer)
    own.goto("/images/?q=apple")
    expect(card(own, "apple.png")).to_be_visible()
    with own.expect_response(lambda response: "/rendition/" in response.url and response.ok):
        pass
    problems[:] = [one for one in problems if "status of 503" not in one]


def test_search_and_filter(own: Page) -> None:
    own.goto("/images/")
    own.get_by_role("searchbox", name="Search by name").fill("apple")
    own.keyboard.press("Enter")
    expect(own.locator("[data-card]")).to_have_count(1)
    own.get_by_role("link", name="Failed").click()
    expect(own.get_by_role("heading", name="Nothing matches")).to_be_visible()
    own.get_by_role("link", name="Show all pictures").click()
    expect(own.get_by_role("link", name="apple.png")).to_be_visible()


def test_delete_and_undo_in_the_gallery(own: Page) -> None:
    own.goto("/images/?q=apple")
    own.get_by_role("button", name="Delete apple.png").click()
    expect(card(own, "apple.png")).to_be_hidden()
    own.get_by_role("button", name="Undo").click()
    expect(card(own, "apple.png")).to_be_visible()
    own.reload()
    expect(card(own, "apple.png")).to_be_visible()


def test_delete_several_and_undo(own: Page) -> None:
    own.goto("/images/")
    for name in ("apple.png", "plum.png"):
        own.get_by_label(f"Select {name}").check()
    expect(own.get_by_text("2 selected")).to_be_visible()
    own.get_by_role("button", name="Delete selected").click()
    expect(own.get_by_text("2 pictures moved to the trash.").last).to_be_visible()
    expect(card(own, "plum.png")).to_be_hidden()
    own.get_by_role("button", name="Undo").click()
    expect(card(own, "plum.png")).to_be_visible()


def test_delete_on_the_page_of_a_picture_and_undo(own: Page) -> None:
    open_picture(own, "apple.png")
    own.get_by_role("button", name="Delete", exact=True).click()
    own.get_by_role("button", name="Undo").click()
    expect(card(own, "apple.png")).to_be_visible()


def test_trash(own: Page) -> None:
    upload_and_wait(own, "medlar.png", "sloe.png")
    own.goto("/images/")
    for name in ("medlar.png", "sloe.png"):
        own.get_by_label(f"Select {name}").check()
    own.get_by_role("button", name="Delete selected").click()
    expect(own.get_by_role("button", name="Undo")).to_be_visible()
    own.goto("/trash/")
    own.get_by_role("button", name="Restore medlar.png").click()
    expect(own.get_by_text("1 picture is back.").first).to_be_visible()
    own.get_by_role("button", name="Empty the trash").click()
    expect(own.get_by_role("heading", name="The trash is empty")).to_be_visible()
    own.goto("/images/")
    expect(card(own, "medlar.png")).to_be_visible()
    expect(own.get_by_text("sloe.png")).to_have_count(0)
