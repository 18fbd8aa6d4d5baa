"""The result's page: the new tab preview, the comparison, the extension, and the next steps."""

import re
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from PIL import Image
from playwright.sync_api import Page, Playwright, expect

from chromi.encoder import ConversionOptions
from tests.e2e.conftest import CHROMIUM, CHROMIUM_ARGS, OpenPage
from tests.support.drawn_background import draw_background
from tests.support.seeded_app import Finished, SeededApp
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser

PAGE_SIZES = {
    "Laptop": (1366, 640),
    "Desktop": (1920, 952),
    "Wide": (2560, 952),
    "Portrait": (1080, 1792),
    "Small window": (800, 512),
}
STARTED_HEADING = re.compile("Making your background|Your background is in line")
"""Depends on the jobs of other tests."""


def open_result(page: Page, app: SeededApp, finished: Finished | None = None) -> None:
    page.goto(app.job_url(app.create_result(finished=finished)))
    expect(page.get_by_role("heading", name="Your background is ready")).to_be_visible()


def aspect_ratio_of(page: Page, selector: str) -> float:
    box = page.locator(selector).bounding_box()
    assert box
    return box["width"] / box["height"]


@pytest.fixture(scope="module")
def quadrants(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return draw_background(tmp_path_factory.mktemp("quadrants"), [["red", "lime"], ["blue", "yellow"]])


def test_phone_offers_the_way_to_a_computer_before_the_steps_for_chrome(
    open_page: OpenPage, seeded_app: SeededApp, quadrants: Finished
) -> None:
    phone = open_page(width=360, has_touch=True, is_mobile=True)
    open_result(phone, seeded_app, quadrants)
    send = phone.get_by_role("button", name="Send to my computer")
    expect(send).to_be_in_viewport()
    order = [
        phone.get_by_role("heading", name=name).bounding_box()
        for name in ("Send to my computer", "Set it as your Chrome background")
    ]
    assert order[0]
    assert order[1]
    assert order[0]["y"] < order[1]["y"]
    link = phone.get_by_label("Link 1", exact=True)
    for _ in range(2):  # the second time, the link is there already
        phone.evaluate("scrollTo(0, 0)")
        send.click()
        expect(link).to_be_in_viewport()
    expect(phone.locator("#links li")).to_have_count(1)
    expect(phone.get_by_role("link", name="Share", exact=True)).to_be_hidden()


def test_computer_offers_to_share(page: Page, seeded_app: SeededApp, quadrants: Finished) -> None:
    open_result(page, seeded_app, quadrants)
    expect(page.get_by_role("link", name="Share", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Send to my computer")).to_be_hidden()


def test_finished_job_has_own_title_and_icon(page: Page, seeded_app: SeededApp, quadrants: Finished) -> None:
    open_result(page, seeded_app, quadrants)
    expect(page).to_have_title("Your background is ready · Chromi")
    href = page.locator('link[rel="icon"]').get_attribute("href")
    assert href
    assert href.endswith("icons/ready.svg")
    response = page.request.get(f"{seeded_app.url}{href}")
    assert (response.status, response.headers["content-type"]) == (200, "image/svg+xml; charset=utf-8")


def test_preview_shows_each_window_and_its_crop(
    page: Page, seeded_app: SeededApp, quadrants: Finished
) -> None:
    open_result(page, seeded_app, quadrants)
    notes = page.locator(".crop-notes p:visible")
    for label, (width_px, height_px) in PAGE_SIZES.items():
        page.get_by_role("radio", name=label).check()
        assert aspect_ratio_of(page, ".new-tab") == pytest.approx(width_px / height_px, rel=0.02)
        assert aspect_ratio_of(page, ".new-tab img") == aspect_ratio_of(page, ".new-tab")
        expect(notes).to_have_count(1)
        page_ratio, image_ratio = width_px / height_px, 16 / 9
        cropped = 1 - min(page_ratio, image_ratio) / max(page_ratio, image_ratio)
        side = "top" if page_ratio > image_ratio else "left"
        expect(notes).to_contain_text(f"{round(cropped / 2 * 100)}% off the {side}")


def test_preview_starts_with_system_color_scheme(
    open_page: OpenPage, seeded_app: SeededApp, quadrants: Finished
) -> None:
    page = open_page(color_scheme="dark")
    open_result(page, seeded_app, quadrants)
    expect(page.get_by_role("radio", name="Dark")).to_be_checked()
    toolbars = page.locator(".chrome-toolbars")
    dark = toolbars.evaluate("element => getComputedStyle(element).backgroundColor")
    page.get_by_role("radio", name="Light").check()
    expect(toolbars).not_to_have_css("background-color", dark)


@pytest.mark.parametrize(("color", "is_unreadable"), [("white", True), ("#202028", False)])
def test_bright_image_behind_white_text_shows_warning(
    page: Page, seeded_app: SeededApp, tmp_path: Path, color: str, is_unreadable: bool
) -> None:
    open_result(page, seeded_app, draw_background(tmp_path, [[color]]))
    warning, confirmation = page.get_by_text("hard to read"), page.get_by_text("easy to read")
    expect(warning if is_unreadable else confirmation).to_be_visible()
    expect(confirmation if is_unreadable else warning).to_be_hidden()


def test_darken_link_shows_labels_over_the_darkened_video(
    page: Page, seeded_app: SeededApp, tmp_path: Path
) -> None:
    open_result(page, seeded_app, draw_background(tmp_path, [["white"]]))
    page.get_by_role("link", name="Darken the background").click()
    expect(page.get_by_role("checkbox", name="Show Chrome’s new tab page")).to_be_checked()
    expect(page.locator(".new-tab-shortcuts")).to_be_in_viewport()
    expect(page.get_by_role("slider", name="Darken")).to_be_in_viewport()


def test_make_smaller_starts_job_with_half_the_size(page: Page, seeded_app: SeededApp) -> None:
    job = seeded_app.create_result()
    page.goto(seeded_app.job_url(job))
    page.get_by_role("button", name="Make it smaller").click()
    page.wait_for_url(lambda url: url != seeded_app.job_url(job))
    expect(page.get_by_role("heading", name=STARTED_HEADING)).to_be_visible()
    options = page.request.get(page.url, headers={"Accept": "application/json"}).json()["recipe"]
    assert options["max_mb"] * 1e6 <= seeded_app.finished[2].bytes / 2


def test_source_and_result_are_compared_by_keyboard(page: Page, seeded_app: SeededApp) -> None:
    open_result(page, seeded_app)
    page.get_by_text("Compare with your video").click()
    for image in page.locator("#compare img").all():
        image.scroll_into_view_if_needed()
        expect(image).to_have_js_property("naturalWidth", 1280)
    border = page.get_by_role("slider", name="Divider between your video and your background")
    expect(border).to_have_attribute("aria-valuetext", "50% of your video shown")
    border.focus()
    page.keyboard.press("ArrowRight")
    expect(border).to_have_attribute("aria-valuetext", "51% of your video shown")
    page.keyboard.press("Home")
    expect(border).to_have_attribute("aria-valuetext", "0% of your video shown")
    expect(page.locator(".compare-source")).to_have_css("clip-path", re.compile(r"100%"))


def test_failed_job_is_retried_without_upload(page: Page, seeded_app: SeededApp) -> None:
    url = seeded_app.create_failed_job("encode_failed", options_json=ConversionOptions(start_s=3.0).to_dict())
    page.goto(url)
    expect(page.get_by_role("heading", name="Your background couldn’t be made")).to_be_visible()
    expect(page.get_by_text("Your video and settings are saved")).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    page.wait_for_url(lambda new_url: "/jobs/" in new_url and new_url != url)
    expect(page.get_by_role("heading", name=STARTED_HEADING)).to_be_visible()
    seeded_app.fail_newest_job("encode_failed")
    expect(page.get_by_role("heading", name="Your background couldn’t be made")).to_be_visible()
    page.get_by_role("link", name="Edit").click()
    page.wait_for_url("**/uploads/*/?start_time=00:00:03.000*")


def test_still_is_shown_with_reduced_motion(
    open_page: OpenPage, seeded_app: SeededApp, quadrants: Finished
) -> None:
    page = open_page(reduced_motion="reduce")
    open_result(page, seeded_app, quadrants)
    image = page.locator(".new-tab img")
    expect(image).to_have_js_property("complete", True)
    assert image.evaluate("image => image.currentSrc").endswith("/still.jpg")


def test_animation_can_be_paused(page: Page, seeded_app: SeededApp) -> None:
    page.goto(seeded_app.job_url(seeded_app.create_result()))
    preview = page.get_by_role("img", name="Your background")
    expect(preview).to_have_js_property("currentSrc", preview.evaluate("image => image.src"))
    page.get_by_role("button", name="Pause animation").click()
    wait_for(lambda: "still" in preview.evaluate("image => image.currentSrc"), "the first frame")
    page.get_by_role("button", name="Play animation").click()
    wait_for(lambda: "still" not in preview.evaluate("image => image.currentSrc"), "the animation")


def test_pause_button_lies_over_the_preview_and_is_large_enough_for_a_finger(
    open_page: OpenPage, result_url: str
) -> None:
    page = open_page(width=360, has_touch=True, is_mobile=True)
    page.goto(result_url)
    button = page.get_by_role("button", name="Pause animation").bounding_box()
    preview = page.locator(".new-tab").bounding_box()
    assert button
    assert preview
    assert button["width"] == button["height"] == 44
    assert preview["x"] <= button["x"]
    assert button["y"] + button["height"] <= preview["y"] + preview["height"]


def test_preview_works_without_script(
    page: Page, page_without_script: Page, seeded_app: SeededApp, quadrants: Finished
) -> None:
    open_result(page, seeded_app, quadrants)
    plain = page_without_script
    plain.goto(page.url)
    plain.get_by_role("radio", name="Wide").check()
    assert aspect_ratio_of(plain, ".new-tab") == pytest.approx(2560 / 952, rel=0.02)
    expect(plain.locator(".crop-notes p:visible")).to_contain_text("2560")
    expect(plain.get_by_text("Compare with your video")).to_be_hidden()


def test_extension_shows_gif_on_new_tab(
    playwright: Playwright, page: Page, seeded_app: SeededApp, quadrants: Finished, tmp_path: Path
) -> None:
    open_result(page, seeded_app, quadrants)
    page.get_by_text("Or install it as an extension").click()
    with page.expect_download() as pending:
        page.get_by_role("link", name="Download the extension").click()
    assert pending.value.suggested_filename == "chromi_new_tab.zip"
    pending.value.save_as(tmp_path / "extension.zip")
    folder = tmp_path / "extension"
    with ZipFile(tmp_path / "extension.zip") as archive:
        archive.extractall(folder)

    context = playwright.chromium.launch_persistent_context(
        tmp_path / "profile",
        executable_path=CHROMIUM,
        args=[
            *CHROMIUM_ARGS,
            f"--disable-extensions-except={folder}",
            f"--load-extension={folder}",
            "--host-resolver-rules=MAP * ~NOTFOUND",  # no real request is made
        ],
        ignore_default_args=["--disable-extensions"],
        viewport={"width": 1000, "height": 800},
    )
    tab = context.new_page()
    search = tab.get_by_role("searchbox", name="Search the web")

    def is_shown() -> bool:
        tab.goto("chrome://newtab/")  # shows Chrome's own page until the extension is loaded
        return search.is_visible()

    wait_for(is_shown, "the extension's new tab")
    screenshot = Image.open(BytesIO(tab.screenshot())).convert("RGB")
    search.fill("a calm sea")
    with tab.expect_request(re.compile("calm")):  # a request to the browser's default search engine
        search.press("Enter")
    context.close()
    corners = {"red": (5, 5), "lime": (994, 5), "blue": (5, 794), "yellow": (994, 794)}
    expected = {"red": (255, 0, 0), "lime": (0, 255, 0), "blue": (0, 0, 255), "yellow": (255, 255, 0)}
    for color, position in corners.items():
        pixel = screenshot.getpixel(position)
        assert isinstance(pixel, tuple)
        assert max(abs(a - b) for a, b in zip(pixel, expected[color], strict=True)) < 60, (color, pixel)
