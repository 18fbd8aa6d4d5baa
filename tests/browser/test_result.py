"""From "Make background" to the result: what is told on the way, the preview, and what can be done then."""

import re
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from PIL import Image
from playwright.sync_api import Page, Playwright, expect

from tests import clips
from tests.browser.conftest import ARGUMENTS, CHROMIUM, OpenPage
from tests.conftest import Service

pytestmark = pytest.mark.browser

PATIENCE_MS = 60_000
PAGES = {
    "Laptop": (1366, 640),
    "Desktop": (1920, 952),
    "Wide": (2560, 952),
    "Upright": (1080, 1792),
    "Small": (800, 512),
}


def start(page: Page, service: Service, clip: Path, **options: str) -> None:
    """Upload a clip, start a conversion and open its page."""
    sent = {"name": clip.name, "mimeType": "video/mp4", "buffer": clip.read_bytes()}
    upload = page.request.post(f"{service.url}/uploads/", multipart={"video": sent}).json()
    job = page.request.post(f"{service.url}{upload['url']}jobs/", form={"duration": "1", **options}).json()
    page.goto(f"{service.url}{job['status_url']}")


def make(page: Page, service: Service, clip: Path, **options: str) -> None:
    start(page, service, clip, **options)
    expect(page.get_by_role("heading", name="Your background is ready")).to_be_visible(timeout=PATIENCE_MS)


def shape_of(page: Page, selector: str) -> float:
    box = page.locator(selector).bounding_box()
    assert box
    return box["width"] / box["height"]


@pytest.fixture(scope="module")
def quadrants(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("quadrants") / "clip.mp4"
    return clips.make_clip(path, seconds=2, picture="quadrants")


def test_title_and_icon_tell_how_far_it_is(page: Page, service: Service, heavy_clip: Path) -> None:
    start(page, service, heavy_clip, duration="6")
    icon = page.locator('link[rel="icon"]')
    expect(icon).to_have_attribute("href", re.compile(r"icons/making-\d\.svg"))
    expect(page).to_have_title(re.compile(r"^\d+% · Chromi"))
    expect(page.get_by_text("You can close this page")).to_be_visible()
    expect(page.get_by_text(re.compile(r"about .+ left"))).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("button", name="Cancel").click()
    expect(page).to_have_title("Cancelled · Chromi")
    expect(icon).to_have_attribute("href", re.compile("icons/failed.svg"))


def test_the_icon_of_a_result_is_another(page: Page, service: Service, quadrants: Path) -> None:
    make(page, service, quadrants)
    expect(page).to_have_title("Your background is ready · Chromi")
    href = page.locator('link[rel="icon"]').get_attribute("href")
    assert href
    assert href.endswith("icons/ready.svg")
    answer = page.request.get(f"{service.url}{href}")
    assert (answer.status, answer.headers["content-type"]) == (200, "image/svg+xml; charset=utf-8")


def test_the_preview_shows_each_window_and_says_what_is_cut_off(
    page: Page, service: Service, quadrants: Path
) -> None:
    make(page, service, quadrants)
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


def test_the_windows_are_chosen_by_keyboard(page: Page, service: Service, quadrants: Path) -> None:
    make(page, service, quadrants)
    laptop = shape_of(page, ".ntp")
    page.get_by_role("radio", name="Laptop").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="Desktop")).to_be_checked()
    assert shape_of(page, ".ntp") != laptop


def test_the_preview_begins_in_the_colours_of_the_system(
    open_page: OpenPage, service: Service, quadrants: Path
) -> None:
    page = open_page(color_scheme="dark")
    make(page, service, quadrants)
    expect(page.get_by_role("radio", name="Dark")).to_be_checked()
    bars = page.locator(".window-bars")
    dark = bars.evaluate("element => getComputedStyle(element).backgroundColor")
    page.get_by_role("radio", name="Light").check()
    expect(bars).not_to_have_css("background-color", dark)


@pytest.mark.parametrize(("colour", "is_hard"), [("white", True), ("0x202028", False)])
def test_a_bright_picture_behind_white_words_is_warned_of(
    page: Page, service: Service, tmp_path: Path, colour: str, is_hard: bool
) -> None:
    clip = clips.make_clip(tmp_path / "clip.mp4", seconds=1, picture=f"color={colour}")
    make(page, service, clip)
    warning, praise = page.get_by_text("Hard to read"), page.get_by_text("easy to read")
    expect(warning if is_hard else praise).to_be_visible()
    expect(praise if is_hard else warning).to_be_hidden()


def test_one_click_makes_it_smaller(page: Page, service: Service, clip: Path) -> None:
    make(page, service, clip, duration="2")
    earlier = page.request.get(page.url).json()["result"]["bytes"]
    address = page.url
    page.get_by_role("button", name="Make it smaller").click()
    page.wait_for_url(lambda url: url != address)
    expect(page.get_by_role("heading", name="Your background is ready")).to_be_visible(timeout=PATIENCE_MS)
    assert page.request.get(page.url).json()["result"]["bytes"] <= earlier / 2


def test_before_and_after_are_compared_by_keyboard(page: Page, service: Service, clip: Path) -> None:
    make(page, service, clip)
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


def test_a_failed_job_is_tried_again_without_a_new_upload(
    page: Page, service: Service, tmp_path: Path
) -> None:
    options = ("-g", "1", "-movflags", "+faststart")
    whole = clips.make_clip(tmp_path / "whole.mp4", seconds=4, options=options).read_bytes()
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(whole[: len(whole) // 2] + bytes(len(whole) // 2))
    start(page, service, damaged, start_time="3")
    expect(page.get_by_role("heading", name="This did not work")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("Your clip and your settings are still here")).to_be_visible()
    address = page.url
    page.get_by_role("button", name="Try the same again").click()
    page.wait_for_url(lambda url: "/jobs/" in url and url != address)
    expect(page.get_by_role("heading", name="This did not work")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("link", name="Change something").click()
    page.wait_for_url("**/uploads/*/?start_time=00:00:03.000*")


def test_who_wants_no_motion_sees_a_still(open_page: OpenPage, service: Service, quadrants: Path) -> None:
    page = open_page(reduced_motion="reduce")
    make(page, service, quadrants)
    picture = page.locator(".ntp img")
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("image => image.currentSrc").endswith("/still.jpg")


def test_the_preview_works_without_script(
    page: Page, scriptless_page: Page, service: Service, quadrants: Path
) -> None:
    make(page, service, quadrants)
    plain = scriptless_page
    plain.goto(page.url)
    plain.get_by_role("radio", name="Wide").check()
    assert shape_of(plain, ".ntp") == pytest.approx(2560 / 952, rel=0.02)
    expect(plain.locator(".crop-notes p:visible")).to_contain_text("2560")
    expect(plain.get_by_text("Compare it with your clip")).to_be_hidden()


def test_the_extension_draws_the_gif_on_a_new_tab(
    playwright: Playwright, page: Page, service: Service, quadrants: Path, tmp_path: Path
) -> None:
    make(page, service, quadrants)
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
    tab.goto("chrome://newtab/")
    search = tab.get_by_role("searchbox", name="Search the web")
    expect(search).to_be_visible()
    shot = Image.open(BytesIO(tab.screenshot())).convert("RGB")
    search.fill("a calm sea")
    with tab.expect_request(re.compile("calm")):  # by the search engine that the browser is set to
        search.press("Enter")
    context.close()
    corners = {"red": (5, 5), "lime": (994, 5), "blue": (5, 794), "yellow": (994, 794)}
    wanted = {"red": (255, 0, 0), "lime": (0, 255, 0), "blue": (0, 0, 255), "yellow": (255, 255, 0)}
    for colour, place in corners.items():
        seen = shot.getpixel(place)
        assert isinstance(seen, tuple)
        assert max(abs(a - b) for a, b in zip(seen, wanted[colour], strict=True)) < 60, (colour, seen)
