"""The start page: its animations, its examples, and the backgrounds of this browser."""

import re
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from playwright.sync_api import Page, expect

from chromi.db import Job, State
from tests.e2e.conftest import COLOR_SCHEMES, OpenPage
from tests.support.seeded_app import SeededApp, id_in
from tests.support.upload_page import wait_for_upload

pytestmark = pytest.mark.browser

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "chromi" / "static" / "examples"
VIDEO = re.compile(r"/static/v-\w+/examples/\w+\.mp4$")
ARE_PLAYING = "[...document.querySelectorAll('video')].filter((video) => !video.paused).length"


def test_example_files_are_small_enough() -> None:
    assert len(list(EXAMPLES.glob("*.gif"))) >= 4
    for path in EXAMPLES.iterdir():
        limit = {".gif": 12_000_000, ".mp4": 150_000, ".jpg": 40_000}[path.suffix]
        assert path.stat().st_size < limit, path.name


def test_animations_can_be_paused_and_resumed(page: Page, seeded_app: SeededApp) -> None:
    page.goto(seeded_app.url)
    page.wait_for_function(f"() => {ARE_PLAYING} > 0")
    page.get_by_role("button", name="Pause animation").click()
    page.wait_for_function(f"() => {ARE_PLAYING} === 0")
    page.get_by_role("button", name="Play animation").click()
    page.wait_for_function(f"() => {ARE_PLAYING} > 0")
    page.locator("#examples .gallery li").last.scroll_into_view_if_needed()
    page.wait_for_function("() => !document.querySelector('#examples li:last-child video').paused")


def test_videos_are_requested_last(open_page: OpenPage, seeded_app: SeededApp) -> None:
    page = open_page()
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.goto(seeded_app.url)
    page.wait_for_function(f"() => {ARE_PLAYING} > 0")
    files = [url for url in requested if not re.search("favicon|manifest|app-", url)]  # requested at any time
    first_video = next(number for number, url in enumerate(files) if VIDEO.search(url))
    assert all(VIDEO.search(url) or url.endswith(".jpg") for url in files[first_video:])
    assert all(url.startswith(seeded_app.url) for url in requested), "all files are from this origin"


def test_example_is_downloaded_at_once(page: Page, seeded_app: SeededApp) -> None:
    page.goto(seeded_app.url)
    with page.expect_download() as download:
        page.get_by_role("link", name="Use this background: Drifting lights").click()
    assert download.value.suggested_filename == "chromi_background.gif"
    path = download.value.path()
    assert path.read_bytes() == (EXAMPLES / "lights.gif").read_bytes()


def test_page_says_how_long_files_are_kept(page: Page, seeded_app: SeededApp) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(seeded_app.url)
    promise = page.get_by_text("Your video is deleted 1 hour after you last use it")
    box = promise.bounding_box()
    assert box
    assert box["y"] + box["height"] < 900
    expect(promise).to_contain_text("Your background is deleted after 24 hours")


def test_touch_screens_are_not_told_to_drop(open_page: OpenPage, seeded_app: SeededApp) -> None:
    phone = open_page(has_touch=True, is_mobile=True)
    phone.goto(seeded_app.url)
    expect(phone.locator(".drop-prompt").get_by_text("Choose a video")).to_be_visible()
    expect(phone.get_by_text("Drop a video here")).to_be_hidden()
    expect(phone.get_by_text("Chrome backgrounds only work on computers")).to_be_visible()
    expect(phone.get_by_text("Send the GIF to your computer.")).to_be_visible()


def test_steps_and_privacy_promise_are_above_the_fold(open_page: OpenPage, seeded_app: SeededApp) -> None:
    for width, height, is_phone in ((1440, 900, False), (360, 740, True)):
        page = open_page(width=width, has_touch=is_phone, is_mobile=is_phone)
        page.set_viewport_size({"width": width, "height": height})
        page.goto(seeded_app.url)
        expect(page.locator(".numbered-list")).to_be_in_viewport(ratio=1)
        expect(page.get_by_text("Your video is deleted")).to_be_in_viewport(ratio=1)


def test_own_backgrounds_are_listed_in_this_browser_only(
    page: Page, open_page: OpenPage, seeded_app: SeededApp
) -> None:
    page.goto(seeded_app.url)
    page.evaluate("localStorage.clear()")
    mine = page.get_by_role("region", name="My backgrounds")
    expect(mine).to_be_hidden()
    urls = [seeded_app.job_url(seeded_app.create_result()) for _ in range(2)]
    for url in urls:
        page.goto(url)
        expect(page.get_by_role("link", name="Download", exact=True)).to_be_visible()
    page.goto(seeded_app.url)
    expect(mine.get_by_role("listitem")).to_have_count(2)
    expect(mine.get_by_role("listitem").first).to_contain_text("Available until")
    expect(mine.get_by_role("link").first).to_have_attribute(
        "href", re.compile(urls[1].rpartition("/jobs/")[2])
    )
    mine.get_by_role("button", name="Forget").first.click()
    removed = "Removed from this list. It stays online until it expires."
    expect(mine.get_by_role("listitem").first).to_contain_text(removed)
    expect(page.locator("#announcer")).to_have_text(removed)
    mine.get_by_role("button", name="Undo").click()
    page.reload()
    expect(mine.get_by_role("link").first).to_have_attribute("href", re.compile(urls[1][-10:]))
    mine.get_by_role("button", name="Forget").first.click()
    expect(mine.get_by_role("button", name="Undo")).to_be_focused()
    page.reload()
    expect(mine.get_by_role("listitem")).to_have_count(1)
    mine.get_by_role("link").click()
    page.wait_for_url(urls[0])
    other = open_page()
    other.goto(seeded_app.url)
    expect(other.get_by_role("region", name="My backgrounds")).to_be_hidden()


def test_own_background_has_the_name_of_its_file(page: Page, seeded_app: SeededApp) -> None:
    page.goto(seeded_app.url)
    page.evaluate("localStorage.clear()")
    page.set_input_files("#video", seeded_app.clip)
    wait_for_upload(page)
    job = seeded_app.create_job(upload=id_in(urlsplit(page.url).path))
    for url in (seeded_app.job_url(seeded_app.finish_conversion(job)), seeded_app.url):
        page.goto(url)
    mine = page.get_by_role("region", name="My backgrounds")
    expect(mine.get_by_role("link", name=seeded_app.clip.name)).to_be_visible()
    mine.get_by_role("button", name=f"Forget {seeded_app.clip.name}").click()
    expect(mine.get_by_role("listitem")).to_contain_text(seeded_app.clip.name)


def test_background_is_listed_from_its_start_to_its_end(page: Page, seeded_app: SeededApp) -> None:
    page.goto(seeded_app.url)
    page.evaluate("localStorage.clear()")
    finished, cancelled = seeded_app.create_running_job(), seeded_app.create_running_job()
    for url in (finished, cancelled):
        page.goto(url)
        expect(page.get_by_text("You can close this page.")).to_be_visible()
    page.goto(seeded_app.url)
    mine = page.get_by_role("region", name="My backgrounds")
    expect(mine.get_by_text("Not finished yet")).to_have_count(2)
    mine.get_by_role("button", name="Forget").first.click()
    expect(mine.get_by_text("It’s still being made.")).to_be_visible()
    mine.get_by_role("button", name="Undo").click()
    seeded_app.finish_conversion(finished)
    Job.update(state=State.CANCELLED).where(Job.id == id_in(cancelled)).execute()
    page.reload()
    expect(mine.get_by_role("listitem")).to_have_count(1)
    expect(mine.get_by_text("Available until")).to_be_visible()
    expect(mine.get_by_role("img")).to_have_js_property("naturalWidth", 1280)


def test_shared_background_is_listed_with_its_new_expiry(page: Page, seeded_app: SeededApp) -> None:
    page.goto(seeded_app.job_url(seeded_app.create_result()))
    kept = page.locator("#kept time")
    expired_at = kept.get_attribute("datetime") or ""
    page.get_by_label("Valid for").select_option("7d")
    page.get_by_role("button", name="Create link").click()
    expect(kept).not_to_have_attribute("datetime", expired_at)
    expires_at = kept.get_attribute("datetime") or ""
    page.goto(seeded_app.url)
    mine = page.get_by_role("region", name="My backgrounds")
    expect(mine.locator("time").first).to_have_attribute("datetime", expires_at)


def test_background_that_is_gone_is_not_listed(
    page: Page, seeded_app: SeededApp, console_errors: list[str]
) -> None:
    kept, job = seeded_app.create_result(), seeded_app.create_result()
    page.goto(seeded_app.url)
    page.evaluate("localStorage.clear()")
    for each in (kept, job):
        page.goto(seeded_app.job_url(each))
        expect(page.get_by_role("link", name="Download", exact=True)).to_be_visible()
    job.delete_instance(recursive=True)
    page.goto(seeded_app.url)
    mine = page.get_by_role("region", name="My backgrounds")
    expect(mine.get_by_role("listitem")).to_have_count(1)
    expect(mine.get_by_role("link")).to_have_attribute("href", re.compile(kept.id))
    assert page.evaluate("document.activeElement === document.body"), "the focus has not moved"
    assert ["410" in console_errors[0], "404" in console_errors[1]] == [True, True], "the still and the job"
    console_errors.clear()


def test_page_fits_every_width(page: Page, seeded_app: SeededApp) -> None:
    page.goto(seeded_app.url)
    for width in (320, 360, 768, 1440, 1920):
        page.set_viewport_size({"width": width, "height": 800})
        for scheme in COLOR_SCHEMES:
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            frame = page.locator(".drop-area .media-frame").bounding_box()
            prompt = page.locator(".drop-prompt").bounding_box()
            assert frame
            assert prompt
            assert frame["y"] <= prompt["y"]
            assert prompt["y"] + prompt["height"] <= frame["y"] + frame["height"]


def test_manifest_makes_the_site_installable(page: Page, seeded_app: SeededApp) -> None:
    page.goto(seeded_app.url)
    session = page.context.new_cdp_session(page)
    errors = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert {error["errorId"] for error in errors} <= {"in-incognito"}, "as in every test"
    manifest = session.send("Page.getAppManifest")
    assert manifest["errors"] == []
    assert manifest["url"] == f"{seeded_app.url}/manifest.webmanifest"
    with urlopen(manifest["url"]) as response:  # noqa: S310  our own server
        assert response.headers["Content-Type"].startswith("application/manifest+json")
