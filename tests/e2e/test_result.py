"""From "Make background" to the result: what is told on the way, the preview, and what can be done then."""

import re
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from PIL import Image
from playwright.sync_api import Page, Playwright, expect

from chromi.encoder import ConversionOptions, convert
from tests.e2e.conftest import ARGUMENTS, CHROMIUM, OpenPage
from tests.support import clips
from tests.support.seeded_app import Finished, House
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser

PAGES = {
    "Laptop": (1366, 640),
    "Desktop": (1920, 952),
    "Wide": (2560, 952),
    "Upright": (1080, 1792),
    "Small": (800, 512),
}


def open_result(page: Page, house: House, finished: Finished | None = None) -> None:
    page.goto(house.page_of(house.result(finished=finished)))
    expect(page.get_by_role("heading", name="Your background is ready")).to_be_visible()


def made_of(folder: Path, picture: str) -> Finished:
    """A background of one second of this picture."""
    clip = clips.make_clip(folder / "clip.mp4", seconds=1, size="320x180", pattern=picture)
    gif, poster = folder / "made.gif", folder / "made.jpg"
    return gif, poster, convert(clip, gif, ConversionOptions(), work_dir=folder / "work", poster=poster)


def shape_of(page: Page, selector: str) -> float:
    box = page.locator(selector).bounding_box()
    assert box
    return box["width"] / box["height"]


@pytest.fixture(scope="module")
def quadrants(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return made_of(tmp_path_factory.mktemp("quadrants"), "quadrants")


def test_the_icon_of_a_result_is_another(page: Page, house: House, quadrants: Finished) -> None:
    open_result(page, house, quadrants)
    expect(page).to_have_title("Your background is ready · Chromi")
    href = page.locator('link[rel="icon"]').get_attribute("href")
    assert href
    assert href.endswith("icons/ready.svg")
    answer = page.request.get(f"{house.url}{href}")
    assert (answer.status, answer.headers["content-type"]) == (200, "image/svg+xml; charset=utf-8")


def test_the_preview_shows_each_window_and_says_what_is_cut_off(
    page: Page, house: House, quadrants: Finished
) -> None:
    open_result(page, house, quadrants)
    notes = page.locator(".crop-notes p:visible")
    for label, (width_px, height_px) in PAGES.items():
        page.get_by_role("radio", name=label).check()
        assert shape_of(page, ".ntp") == pytest.approx(width_px / height_px, rel=0.02)
        assert shape_of(page, ".ntp img") == shape_of(page, ".ntp")
        expect(notes).to_have_count(1)
        shape, picture = width_px / height_px, 16 / 9
        lost = 1 - min(shape, picture) / max(shape, picture)
        expect(notes).to_contain_text(f"{round(lost * 100)}%")
        expect(notes).to_contain_text("top" if shape > picture else "left")


def test_the_windows_are_chosen_by_keyboard(page: Page, house: House, quadrants: Finished) -> None:
    open_result(page, house, quadrants)
    laptop = shape_of(page, ".ntp")
    page.get_by_role("radio", name="Laptop").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="Desktop")).to_be_checked()
    assert shape_of(page, ".ntp") != laptop


def test_the_preview_begins_in_the_colors_of_the_system(
    open_page: OpenPage, house: House, quadrants: Finished
) -> None:
    page = open_page(color_scheme="dark")
    open_result(page, house, quadrants)
    expect(page.get_by_role("radio", name="Dark")).to_be_checked()
    bars = page.locator(".window-bars")
    dark = bars.evaluate("element => getComputedStyle(element).backgroundColor")
    page.get_by_role("radio", name="Light").check()
    expect(bars).not_to_have_css("background-color", dark)


@pytest.mark.parametrize(("color", "is_hard"), [("white", True), ("0x202028", False)])
def test_a_bright_picture_behind_white_words_is_warned_of(
    page: Page, house: House, tmp_path: Path, color: str, is_hard: bool
) -> None:
    open_result(page, house, made_of(tmp_path, f"color={color}"))
    warning, praise = page.get_by_text("Hard to read"), page.get_by_text("easy to read")
    expect(warning if is_hard else praise).to_be_visible()
    expect(praise if is_hard else warning).to_be_hidden()


def test_one_click_makes_it_smaller(page: Page, house: House) -> None:
    job = house.result()
    page.goto(house.page_of(job))
    page.get_by_role("button", name="Make it smaller").click()
    page.wait_for_url(lambda url: url != house.page_of(job))
    expect(page.get_by_role("heading", name="Making your background")).to_be_visible()
    asked = page.request.get(page.url, headers={"Accept": "application/json"}).json()["recipe"]
    assert asked["max_mb"] * 1e6 <= house.finished[2].bytes / 2


def test_before_and_after_are_compared_by_keyboard(page: Page, house: House) -> None:
    open_result(page, house)
    page.get_by_text("Compare it with your clip").click()
    for picture in page.locator("#compare img").all():
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("naturalWidth", 1280)
    border = page.get_by_role("slider", name="Border between your clip and your background")
    expect(border).to_have_attribute("aria-valuetext", "50% of your clip shown")
    border.focus()
    page.keyboard.press("ArrowRight")
    expect(border).to_have_attribute("aria-valuetext", "51% of your clip shown")
    page.keyboard.press("Home")
    expect(border).to_have_attribute("aria-valuetext", "0% of your clip shown")
    expect(page.locator(".compare-source")).to_have_css("clip-path", re.compile(r"100%"))


def test_a_failed_job_is_tried_again_without_a_new_upload(page: Page, house: House) -> None:
    address = house.failed("encode_failed", options_json=ConversionOptions(start_s=3.0).to_dict())
    page.goto(address)
    expect(page.get_by_role("heading", name="This did not work")).to_be_visible()
    expect(page.get_by_text("Your clip and your settings are still here")).to_be_visible()
    page.get_by_role("button", name="Try the same again").click()
    page.wait_for_url(lambda url: "/jobs/" in url and url != address)
    expect(page.get_by_role("heading", name="Making your background")).to_be_visible()
    house.fail_newest("encode_failed")
    expect(page.get_by_role("heading", name="This did not work")).to_be_visible()
    page.get_by_role("link", name="Change something").click()
    page.wait_for_url("**/uploads/*/?start_time=00:00:03.000*")


def test_who_wants_no_motion_sees_a_still(open_page: OpenPage, house: House, quadrants: Finished) -> None:
    page = open_page(reduced_motion="reduce")
    open_result(page, house, quadrants)
    picture = page.locator(".ntp img")
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("image => image.currentSrc").endswith("/still.jpg")


def test_the_preview_works_without_script(
    page: Page, scriptless_page: Page, house: House, quadrants: Finished
) -> None:
    open_result(page, house, quadrants)
    plain = scriptless_page
    plain.goto(page.url)
    plain.get_by_role("radio", name="Wide").check()
    assert shape_of(plain, ".ntp") == pytest.approx(2560 / 952, rel=0.02)
    expect(plain.locator(".crop-notes p:visible")).to_contain_text("2560")
    expect(plain.get_by_text("Compare it with your clip")).to_be_hidden()


def test_the_extension_draws_the_gif_on_a_new_tab(
    playwright: Playwright, page: Page, house: House, quadrants: Finished, tmp_path: Path
) -> None:
    open_result(page, house, quadrants)
    page.get_by_text("Or take it as an extension").click()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download the extension").click()
    assert waiting.value.suggested_filename == "chromi_new_tab.zip"
    waiting.value.save_as(tmp_path / "extension.zip")
    folder = tmp_path / "extension"
    with ZipFile(tmp_path / "extension.zip") as archive:
        archive.extractall(folder)

    context = playwright.chromium.launch_persistent_context(
        tmp_path / "profile",
        executable_path=CHROMIUM,
        args=[
            *ARGUMENTS,
            f"--disable-extensions-except={folder}",
            f"--load-extension={folder}",
            "--host-resolver-rules=MAP * ~NOTFOUND",  # nobody is really asked
        ],
        ignore_default_args=["--disable-extensions"],
        viewport={"width": 1000, "height": 800},
    )
    tab = context.new_page()
    search = tab.get_by_role("searchbox", name="Search the web")

    def is_drawn() -> bool:
        tab.goto("chrome://newtab/")  # Chrome's own, until the extension is there
        return search.is_visible()

    wait_for(is_drawn, "the extension's new tab")
    shot = Image.open(BytesIO(tab.screenshot())).convert("RGB")
    search.fill("a calm sea")
    with tab.expect_request(re.compile("calm")):  # by the search engine that the browser is set to
        search.press("Enter")
    context.close()
    corners = {"red": (5, 5), "lime": (994, 5), "blue": (5, 794), "yellow": (994, 794)}
    wanted = {"red": (255, 0, 0), "lime": (0, 255, 0), "blue": (0, 0, 255), "yellow": (255, 255, 0)}
    for color, place in corners.items():
        seen = shot.getpixel(place)
        assert isinstance(seen, tuple)
        assert max(abs(a - b) for a, b in zip(seen, wanted[color], strict=True)) < 60, (color, seen)
