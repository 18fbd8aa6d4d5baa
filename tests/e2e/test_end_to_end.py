"""The whole way, as a person goes it in a browser."""

import json
import re
import shutil
from io import BytesIO
from pathlib import Path
from typing import Literal

import pytest
from PIL import Image
from playwright.sync_api import Page, Playwright, expect

from tests.e2e.conftest import ARGUMENTS, CHROMIUM
from tests.support.flaky_proxy import Relay
from tests.support.running_service import Service
from tests.support.seeded_app import Finished, House
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser

PATIENCE_MS = 60_000


def choose(page: Page, service: Service, clip: Path) -> None:
    """Choose a file on the first page and arrive in the studio."""
    page.goto(service.url)
    page.set_input_files("#video", clip)
    page.wait_for_url("**/uploads/*/", timeout=PATIENCE_MS)
    expect(page.get_by_role("button", name="Play the loop")).to_be_visible(timeout=PATIENCE_MS)


def download(page: Page, folder: Path, role: Literal["link", "button"] = "link") -> Path:
    with page.expect_download() as waiting:
        page.get_by_role(role, name="Download").click()
    gif = folder / waiting.value.suggested_filename
    waiting.value.save_as(gif)
    return gif


def test_from_a_file_to_a_background(page: Page, service: Service, clip: Path, tmp_path: Path) -> None:
    choose(page, service, clip)
    expect(page.get_by_role("heading", name="Choose your six seconds")).to_be_visible()
    page.get_by_label("Starts at").fill("00:00:01.500")
    page.get_by_role("button", name="Make background").click()

    page.wait_for_url("**/jobs/*/")
    expect(page.get_by_role("heading", name="Making your background")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Your background is ready")).to_be_visible(timeout=PATIENCE_MS)
    wait_for(lambda: page.evaluate("document.querySelector('#result img').complete"), "the picture")

    gif = download(page, tmp_path)
    assert gif.name == "chromi_background.gif"
    with Image.open(gif) as image:
        assert (image.size, image.n_frames, image.info["loop"]) == ((1280, 720), 144, 0)

    page.get_by_label("How many downloads").fill("1")
    page.get_by_role("button", name="Make a link").click()
    link = page.get_by_label("Link 1", exact=True)
    expect(link).to_be_visible()

    page.goto(link.input_value())
    expect(page.get_by_role("heading", name="A background for you")).to_be_visible()
    assert download(page, tmp_path, "button").read_bytes() == gif.read_bytes()


def test_the_way_without_script(scriptless_page: Page, service: Service, clip: Path, tmp_path: Path) -> None:
    page = scriptless_page
    page.goto(service.url)
    page.set_input_files("#video", clip)
    page.get_by_role("button", name="Upload this clip").click()
    page.wait_for_url("**/uploads/*/")
    page.get_by_label("Starts at").fill("2")
    page.get_by_text("More options").click()
    page.get_by_label("Length in seconds").fill("1")
    page.get_by_role("button", name="Make background").click()
    page.wait_for_url("**/jobs/*/")
    ready = page.get_by_role("heading", name="Your background is ready")

    def is_ready() -> bool:
        if ready.is_visible():
            return True
        with page.expect_navigation():  # to its end: what is not parsed yet shows neither
            page.get_by_role("link", name="Refresh").click()
        return False

    wait_for(is_ready, "the background", timeout_s=60, interval_s=0.5)
    page.get_by_role("button", name="Make a link").click()
    expect(page.get_by_label("Link 1", exact=True)).to_be_visible()


def test_a_form_without_script_works_on_plain_http(playwright: Playwright, house: House, clip: Path) -> None:
    """Off localhost and without TLS a browser sends no Sec-Fetch-Site, so all hangs on the form's Origin."""
    browser = playwright.chromium.launch(
        executable_path=CHROMIUM, args=[*ARGUMENTS, "--host-resolver-rules=MAP chromi.test 127.0.0.1"]
    )
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(house.url.replace("127.0.0.1", "chromi.test"))
    page.set_input_files("#video", clip)
    page.get_by_role("button", name="Upload this clip").click()
    page.wait_for_url("**/uploads/*/")
    browser.close()


def test_coming_back_finds_the_chosen_start(page: Page, house: House, clip: Path) -> None:
    choose(page, house.service, clip)
    start = page.get_by_label("Starts at")
    start.fill("00:00:01.500")
    page.get_by_role("button", name="Make background").click()
    page.wait_for_url("**/jobs/*/")
    page.go_back()
    expect(start).to_have_value("00:00:01.500")
    expect(page.get_by_label("Your part of the clip")).to_have_value("1.5")


def test_a_running_job_tells_how_far_it_is_and_is_cancelled(
    page: Page, service: Service, heavy_clip: Path
) -> None:
    choose(page, service, heavy_clip)
    page.get_by_role("button", name="Make background").click()
    icon = page.locator('link[rel="icon"]')
    expect(icon).to_have_attribute("href", re.compile(r"icons/making-\d\.svg"), timeout=PATIENCE_MS)
    expect(page).to_have_title(re.compile(r"^\d+% · Chromi"), timeout=PATIENCE_MS)
    expect(page.get_by_text("You can close this page")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("heading", name="Cancelled")).to_be_visible()
    expect(page.get_by_role("heading", name="Cancelled")).to_be_focused()
    expect(page).to_have_title("Cancelled · Chromi")
    expect(icon).to_have_attribute("href", re.compile("icons/failed.svg"))
    page.get_by_role("link", name="Back to your clip").click()
    expect(page.get_by_role("heading", name="Choose your six seconds")).to_be_visible()


def test_a_lost_server_is_said_and_found_again(
    page: Page, house: House, relay: Relay, complaints: list[str]
) -> None:
    page.goto(house.job().replace(house.url, relay.url))
    relay.shut()
    expect(page.get_by_text("Connection lost")).to_be_visible(timeout=PATIENCE_MS)
    relay.reopen()
    expect(page.get_by_text("Connection lost")).to_be_hidden(timeout=PATIENCE_MS)
    expect(page.get_by_role("heading", name="Making your background")).to_be_visible()
    assert complaints
    complaints.clear()


def test_the_gif_moves_as_chromes_background(
    playwright: Playwright, finished_files: Finished, tmp_path: Path
) -> None:
    """Chrome keeps an uploaded background as `background.jpg` and draws it on its new tab."""
    profile = tmp_path / "profile" / "Default"
    profile.mkdir(parents=True)
    shutil.copy(finished_files[0], profile / "background.jpg")
    (profile / "Preferences").write_text(json.dumps({"ntp": {"custom_background_local_to_device": True}}))
    context = playwright.chromium.launch_persistent_context(
        profile.parent, executable_path=CHROMIUM, args=ARGUMENTS, viewport={"width": 1280, "height": 720}
    )
    page = context.new_page()
    page.goto("chrome://new-tab-page/")
    wait_for(lambda: page.evaluate("Boolean(document.querySelector('ntp-app'))"), "the new tab page")
    wait_for(lambda: all(map(is_colorful, edges(page))), "the GIF in place of Chrome's own plain page")
    shown: set[bytes] = set()

    def has_moved() -> bool:
        shown.add(edges(page)[0].tobytes())
        return len(shown) > 3  # a still picture may be painted anew, once

    wait_for(has_moved, "it to move")
    context.close()


def edges(page: Page) -> list[Image.Image]:
    shot = Image.open(BytesIO(page.screenshot())).convert("RGB")
    boxes = [(0, 0, 1280, 40), (0, 680, 1100, 720), (0, 0, 60, 720), (1220, 0, 1280, 640)]
    return [shot.crop(box) for box in boxes]


def is_colorful(picture: Image.Image) -> bool:
    return len(picture.getcolors(1_000_000) or []) > 10
