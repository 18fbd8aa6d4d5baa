"""From a file to a downloaded background in a browser."""

import json
import re
import shutil
from io import BytesIO
from pathlib import Path
from typing import Literal

import pytest
from PIL import Image
from playwright.sync_api import Page, Playwright, expect

from chromi.db import Job
from tests.e2e.conftest import CHROMIUM, CHROMIUM_ARGS, REQUEST_ERRORS, expect_console_errors
from tests.support.error_messages import press_try_again, url_through
from tests.support.flaky_proxy import FlakyProxy
from tests.support.page_helpers import block_analyses
from tests.support.running_service import Service
from tests.support.seeded_app import Finished, SeededApp, id_in
from tests.support.service_client import start_job
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser

TIMEOUT_MS = 120_000


def choose_clip(page: Page, service: Service, clip: Path) -> None:
    """Choose a file on the start page and wait for the studio."""
    page.goto(service.url)
    page.set_input_files("#video", clip)
    page.wait_for_url("**/uploads/*/", timeout=TIMEOUT_MS)
    expect(page.get_by_role("button", name="Play loop")).to_be_visible(timeout=TIMEOUT_MS)


def download(page: Page, folder: Path, role: Literal["link", "button"] = "link") -> Path:
    with page.expect_download() as pending:
        page.get_by_role(role, name="Download").click()
    gif = folder / pending.value.suggested_filename
    pending.value.save_as(gif)
    return gif


def test_clip_becomes_shared_background(
    page: Page, service: Service, plain_clip: Path, tmp_path: Path
) -> None:
    block_analyses(page)
    choose_clip(page, service, plain_clip)
    expect(page.get_by_role("heading", name="Choose your six seconds")).to_be_visible()
    page.get_by_label("Start time").fill("0:01.5")
    page.get_by_role("button", name="Make background").click()

    page.wait_for_url("**/jobs/*/")
    expect(page.get_by_role("heading", name="Making your background")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Your background is ready")).to_be_visible(timeout=TIMEOUT_MS)
    wait_for(lambda: page.evaluate("document.querySelector('#result img').complete"), "the image")

    gif = download(page, tmp_path)
    assert gif.name == "chromi_background.gif"
    with Image.open(gif) as image:
        assert (image.size, image.n_frames, image.info["loop"]) == ((1280, 720), 144, 0)

    page.get_by_label("Download limit").fill("1")
    page.get_by_role("button", name="Create link").click()
    link = page.get_by_label("Link 1", exact=True)
    expect(link).to_be_visible()

    page.goto(link.input_value())
    expect(page.get_by_role("heading", name="Someone shared a background with you")).to_be_visible()
    assert download(page, tmp_path, "button").read_bytes() == gif.read_bytes()


def test_background_is_made_without_script(
    page_without_script: Page, service: Service, plain_clip: Path, tmp_path: Path
) -> None:
    page = page_without_script
    page.goto(service.url)
    page.set_input_files("#video", plain_clip)
    page.get_by_role("button", name="Upload this video").click()
    page.wait_for_url("**/uploads/*/")
    page.get_by_label("Start time").fill("2")
    page.get_by_text("More options").click()
    page.get_by_label("Length (1 to 10 sec)").fill("1")
    page.get_by_label("Length (1 to 10 sec)").press("Enter")
    page.wait_for_url("**/jobs/*/")
    ready = page.get_by_role("heading", name="Your background is ready")

    def is_ready() -> bool:
        if ready.is_visible():
            return True
        with page.expect_navigation():  # waits for the load event: a partly parsed page has neither element
            page.get_by_role("link", name="Refresh").click()
        return False

    wait_for(is_ready, "the background", timeout_s=60, interval_s=0.5)
    page.get_by_role("button", name="Create link").click()
    expect(page.get_by_label("Link 1", exact=True)).to_be_visible()


def test_form_without_script_works_over_http(
    playwright: Playwright, seeded_app: SeededApp, clip: Path
) -> None:
    """Over HTTP, except on localhost, browsers send no Sec-Fetch-Site, so only Origin can be checked."""
    browser = playwright.chromium.launch(
        executable_path=CHROMIUM, args=[*CHROMIUM_ARGS, "--host-resolver-rules=MAP chromi.test 127.0.0.1"]
    )
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(seeded_app.url.replace("127.0.0.1", "chromi.test"))
    page.set_input_files("#video", clip)
    page.get_by_role("button", name="Upload this video").click()
    page.wait_for_url("**/uploads/*/")
    browser.close()


def test_back_restores_chosen_start(page: Page, seeded_app: SeededApp, clip: Path) -> None:
    choose_clip(page, seeded_app.service, clip)
    start = page.get_by_label("Start time")
    start.fill("0:01.5")
    page.get_by_role("button", name="Make background").click()
    page.wait_for_url("**/jobs/*/")
    page.go_back()
    expect(start).to_have_value("0:01.5")
    expect(page.get_by_label("Selected part of the video")).to_have_value("1.5")


def test_background_can_be_made_during_request_for_analysis(page: Page, seeded_app: SeededApp) -> None:
    page.route("**/bars/", lambda route: None)  # is never answered
    with page.expect_request("**/bars/"):
        page.goto(seeded_app.create_upload())
    page.get_by_role("button", name="Make background").click()
    page.wait_for_url("**/jobs/*/")


def test_running_job_shows_progress_and_can_be_cancelled(
    page: Page, service: Service, heavy_clip: Path
) -> None:
    page.goto(f"{service.url}/jobs/{start_job(service, heavy_clip)}/")
    icon = page.locator('link[rel="icon"]')
    expect(icon).to_have_attribute("href", re.compile(r"icons/making-\d\.svg"), timeout=TIMEOUT_MS)
    expect(page).to_have_title(re.compile(r"^\d+% · Chromi"), timeout=TIMEOUT_MS)
    expect(page.get_by_text("You can close this page.")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("heading", name="Canceled")).to_be_visible()
    expect(page.get_by_role("heading", name="Canceled")).to_be_focused()
    expect(page).to_have_title("Canceled · Chromi")
    expect(icon).to_have_attribute("href", re.compile("icons/failed.svg"))


def test_loop_behind_the_progress_can_be_paused(page: Page, seeded_app: SeededApp) -> None:
    page.goto(seeded_app.create_running_job())
    video = page.locator("#chosen_loop")
    wait_for(lambda: not video.evaluate("video => video.paused"), "the loop to play")
    page.get_by_role("button", name="Pause animation").click()
    for _ in range(2):  # the fragment is replaced, but not the video
        with page.expect_response("**/status"):
            pass
    expect(page.get_by_role("button", name="Play animation")).to_be_visible()
    assert video.evaluate("video => video.paused")
    page.get_by_role("button", name="Play animation").click()
    wait_for(lambda: not video.evaluate("video => video.paused"), "the loop to play again")


def test_bar_moves_on_while_the_first_percent_is_awaited(page: Page, seeded_app: SeededApp) -> None:
    url = seeded_app.create_running_job()
    Job.update(progress=0.0).where(Job.id == id_in(url)).execute()
    page.goto(url)
    with page.expect_response("**/status"):
        pass
    bar = page.get_by_role("progressbar")
    assert bar.evaluate("bar => bar.matches(':indeterminate') && bar.getAnimations()[0].startTime === 0")
    Job.update(progress=0.4).where(Job.id == id_in(url)).execute()
    expect(bar).to_have_attribute("value", "40")


def test_lost_connection_is_shown_until_server_answers(
    page: Page, seeded_app: SeededApp, proxy: FlakyProxy, console_errors: list[str]
) -> None:
    page.goto(url_through(proxy, seeded_app.create_job()))
    proxy.disconnect()
    expect(page.get_by_text("Connection lost")).to_be_visible(timeout=TIMEOUT_MS)
    proxy.reconnect()
    expect(page.get_by_text("Connection lost")).to_be_hidden(timeout=TIMEOUT_MS)
    expect(page.get_by_role("heading", name="Making your background")).to_be_visible()
    expect_console_errors(console_errors, *REQUEST_ERRORS)


def test_lost_connection_is_not_shown_for_a_job_that_is_gone(
    page: Page, seeded_app: SeededApp, proxy: FlakyProxy, console_errors: list[str]
) -> None:
    page.goto(url_through(proxy, seeded_app.create_job()))
    proxy.disconnect()
    expect(page.get_by_text("Connection lost")).to_be_visible(timeout=TIMEOUT_MS)
    Job.delete().execute()
    proxy.reconnect()
    expect(page.locator("#error")).to_be_visible(timeout=TIMEOUT_MS)
    expect(page.get_by_text("Connection lost")).to_be_hidden()
    expect_console_errors(console_errors, *REQUEST_ERRORS)


def test_cancel_is_repeated_after_the_job_was_polled(
    page: Page, seeded_app: SeededApp, proxy: FlakyProxy, console_errors: list[str]
) -> None:
    page.goto(url_through(proxy, seeded_app.create_job()))
    proxy.disconnect()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#error")).to_be_visible()
    with page.expect_response("**/status"):
        proxy.reconnect()
    press_try_again(page)
    expect(page.get_by_role("heading", name="Canceled")).to_be_visible()
    expect_console_errors(console_errors, *REQUEST_ERRORS)


def test_gif_is_animated_as_chrome_background(
    playwright: Playwright, finished_files: Finished, tmp_path: Path
) -> None:
    """Chrome stores an uploaded background as `background.jpg` in its profile."""
    profile = tmp_path / "profile" / "Default"
    profile.mkdir(parents=True)
    shutil.copy(finished_files[0], profile / "background.jpg")
    (profile / "Preferences").write_text(json.dumps({"ntp": {"custom_background_local_to_device": True}}))
    context = playwright.chromium.launch_persistent_context(
        profile.parent, executable_path=CHROMIUM, args=CHROMIUM_ARGS, viewport={"width": 1280, "height": 720}
    )
    page = context.new_page()
    page.goto("chrome://new-tab-page/")
    wait_for(lambda: page.evaluate("Boolean(document.querySelector('ntp-app'))"), "the new tab page")
    wait_for(lambda: all(map(is_colorful, page_edges(page))), "the GIF in place of Chrome's own plain page")
    seen: set[bytes] = set()

    def is_animated() -> bool:
        seen.add(page_edges(page)[0].tobytes())
        return len(seen) > 3  # a still image may be painted twice

    wait_for(is_animated, "the animation")
    context.close()


def page_edges(page: Page) -> list[Image.Image]:
    """Return screenshots of the page's edges, where nothing covers the background."""
    screenshot = Image.open(BytesIO(page.screenshot())).convert("RGB")
    boxes = [(0, 0, 1280, 40), (0, 680, 1100, 720), (0, 0, 60, 720), (1220, 0, 1280, 640)]
    return [screenshot.crop(box) for box in boxes]


def is_colorful(image: Image.Image) -> bool:
    return len(image.getcolors(1_000_000) or []) > 10
