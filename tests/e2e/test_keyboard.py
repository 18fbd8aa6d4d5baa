"""From a file to a shared background with only the keyboard, and what screen readers announce."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from chromi.encoder.timecode import parse_timecode
from tests.e2e.conftest import OpenPage
from tests.support.keyboard import button_named, has_focus, tab_to, tab_to_and_press
from tests.support.page_helpers import RECORD_TEXTS, block_analyses, hold_request
from tests.support.running_service import Service
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser

TIMEOUT_MS = 60_000
PASSWORD = "four words"
LAST_START_S = 2.0
"""The latest start of six seconds of tall_clip."""

RECORD_ANNOUNCEMENTS = f"""addEventListener("DOMContentLoaded", () => {{
  ({RECORD_TEXTS})(document.getElementById("announcer"));
}});"""


def test_background_is_made_and_shared_by_keyboard(
    open_page: OpenPage, service: Service, tall_clip: Path, tmp_path: Path
) -> None:
    page = open_page()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.add_init_script(RECORD_ANNOUNCEMENTS)
    block_analyses(page)
    choose_file(page, service, tall_clip)
    trim(page)
    choose_options(page)
    make_background(page)
    gif = download_from_preview(page, tmp_path)
    link = share(page)
    check_share_link(page, link, gif, tmp_path)


def choose_file(page: Page, service: Service, clip: Path) -> None:
    page.goto(service.url)
    with page.expect_file_chooser() as pending:
        tab_to_and_press(page, page.locator("#video"))
    pending.value.set_files(clip)
    expect(button_named(page, "Play loop")).to_be_visible(timeout=TIMEOUT_MS)
    assert has_focus(page)


def trim(page: Page) -> None:
    start, slider = page.get_by_label("Start time"), page.get_by_label("Selected part of the video")
    focus_point = page.get_by_role("slider", name="Visible part of the frame")
    tab_to(page, focus_point)
    page.keyboard.press("ArrowDown")
    expect(focus_point).to_have_attribute("aria-valuetext", "50% from the left, 52% from the top")
    tab_to(page, slider)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    expect(start).to_have_value("0:01.1")
    page.keyboard.press("Space")
    expect(button_named(page, "Stop")).to_be_visible()
    current_time = "document.querySelector('#studio video').currentTime"
    wait_for(lambda: page.evaluate(current_time) > 1.4, "the loop to play")
    page.keyboard.press("Space")
    expect(button_named(page, "Play loop")).to_be_visible()
    playhead_s = min(page.evaluate(current_time), LAST_START_S)
    page.keyboard.press("i")
    # The field shows milliseconds.
    wait_for(
        lambda: abs(parse_timecode(start.input_value()) - playhead_s) < 0.002, "the start at the playhead"
    )
    expect(slider).to_be_focused()


def choose_options(page: Page) -> None:
    """Check that each group of cards is one tab stop and that arrow keys select a card."""
    tab_to(page, page.get_by_label("Length (1 to 10 sec)"))
    page.keyboard.type("1")
    tab_to_and_press(page, page.get_by_role("radio", name=re.compile("^Cut")), "ArrowRight")
    expect(page.get_by_role("radio", name=re.compile("^Crossfade"))).to_be_checked()
    tab_to_and_press(page, page.get_by_role("radio", name=re.compile("^Balanced")), "ArrowLeft")
    expect(page.get_by_role("radio", name=re.compile("^Small"))).to_be_focused()
    tab_to_and_press(page, page.get_by_role("radio", name=re.compile("^Fill")), "ArrowDown")
    expect(page.get_by_role("radio", name=re.compile("^Fit"))).to_be_checked()
    tab_to_and_press(page, page.get_by_role("slider", name="Darken"), "ArrowRight")
    expect(page.locator("output[for=darken]")).to_have_text("1%")
    tab_to_and_press(page, page.locator("summary", has_text="More options"))
    page.keyboard.press("Tab")
    assert has_focus(page)


def make_background(page: Page) -> None:
    """Check that each step is announced once and that the focus moves from removed elements to new ones."""
    tab_to_and_press(page, button_named(page, "Make background"))
    page.wait_for_url("**/jobs/*/", timeout=TIMEOUT_MS)
    with hold_request(page, "**/jobs/*/status"):
        tab_to(page, button_named(page, "Cancel"))
    ready = page.get_by_role("heading", name="Your background is ready")
    expect(ready).to_be_visible(timeout=TIMEOUT_MS)
    expect(ready).to_be_focused()
    wait_for(lambda: page.evaluate("texts.at(-1)") == "Your background is ready", "the last announcement")
    announced: list[str] = page.evaluate("texts")
    assert len(announced) == len(set(announced)), announced
    assert not re.search(r"\d|left", "".join(announced)), "values that change every second are not announced"


def download_from_preview(page: Page, folder: Path) -> bytes:
    """Choose another window of the preview, then download the GIF."""
    tab_to_and_press(page, page.get_by_role("radio", name="Laptop"), "ArrowRight")
    expect(page.get_by_role("radio", name="Desktop")).to_be_checked()
    return download(page, folder)


def download(page: Page, folder: Path) -> bytes:
    tab_to(page, page.get_by_role("link", name="Download", exact=True))
    with page.expect_download() as pending:
        page.keyboard.press("Enter")
    pending.value.save_as(folder / "downloaded.gif")
    return (folder / "downloaded.gif").read_bytes()


def share(page: Page) -> str:
    """Make a link with a password, copy it, and return it."""
    tab_to(page, page.get_by_label("Password (optional)"))
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    field = page.get_by_label("Link 1", exact=True)
    expect(field).to_be_visible()
    expect(page.get_by_label("Password (optional)")).to_be_focused()
    tab_to_and_press(page, button_named(page, "Copy link 1"))
    expect(page.locator("#announcer")).to_have_text("Copied")
    link = field.input_value()
    assert page.evaluate("navigator.clipboard.readText()") == link
    assert has_focus(page)
    return link


def check_share_link(page: Page, link: str, gif: bytes, folder: Path) -> None:
    """Download the GIF in another tab, then revoke the link in the first."""
    receiver = page.context.new_page()
    receiver.goto(link)
    tab_to(receiver, receiver.get_by_label("Password for this link"))
    receiver.keyboard.type(PASSWORD)
    receiver.keyboard.press("Enter")
    assert download(receiver, folder) == gif
    receiver.close()
    tab_to_and_press(page, page.get_by_text("Extend or revoke"))
    page.once("dialog", lambda dialog: dialog.accept())
    tab_to_and_press(page, button_named(page, "Revoke link 1"))
    expect(page.locator("#links")).to_contain_text("Link 1 Revoked")
    expect(page.locator("#links")).to_be_focused()
