"""The whole way by keyboard alone, and what a screen reader is told on it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from chromi.encoder.timecode import parse_timecode
from tests.e2e.conftest import OpenPage
from tests.support import clips
from tests.support.keyboard import button, has_focus, press, reach
from tests.support.page_helpers import NOTE_WORDS, held
from tests.support.running_service import Service
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser

PATIENCE_MS = 60_000
PASSWORD = "four words"
LAST_START_S = 2.0
"""Six seconds of tall_clip begin there at the latest."""

NOTE_NEWS = f"""addEventListener("DOMContentLoaded", () => {{
  ({NOTE_WORDS})(document.getElementById("announcer"));
}});"""


@pytest.fixture(scope="module")
def tall_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds upright, so that there is something to frame."""
    path = tmp_path_factory.mktemp("clips") / "tall.mp4"
    return clips.make_clip(path, size="180x320", rate=24, pattern="quadrants")


def test_the_whole_way_by_keyboard(
    open_page: OpenPage, service: Service, tall_clip: Path, tmp_path: Path
) -> None:
    page = open_page()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.add_init_script(NOTE_NEWS)
    choose_file(page, service, tall_clip)
    trim(page)
    choose_looks(page)
    make(page)
    gif = download(page, tmp_path)
    link = share(page)
    receive(page, link, gif, tmp_path)


def choose_file(page: Page, service: Service, clip: Path) -> None:
    page.goto(service.url)
    with page.expect_file_chooser() as waiting:
        press(page, page.locator("#video"))
    waiting.value.set_files(clip)
    expect(button(page, "Play the loop")).to_be_visible(timeout=PATIENCE_MS)
    assert has_focus(page)


def trim(page: Page) -> None:
    start, slider = page.get_by_label("Starts at"), page.get_by_label("Your part of the clip")
    kept = page.get_by_role("slider", name="Part of the picture that is kept")
    reach(page, kept)
    page.keyboard.press("ArrowDown")
    expect(kept).to_have_attribute("aria-valuetext", "52% from the top")
    reach(page, slider)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    expect(start).to_have_value("00:00:01.100")
    page.keyboard.press("Space")
    expect(button(page, "Stop")).to_be_visible()
    seconds = "document.querySelector('#studio video').currentTime"
    wait_for(lambda: page.evaluate(seconds) > 1.4, "the loop to play")
    page.keyboard.press("Space")
    expect(button(page, "Play the loop")).to_be_visible()
    at_playhead = min(page.evaluate(seconds), LAST_START_S)
    page.keyboard.press("i")
    # The time shown is in thousandths of a second.
    wait_for(
        lambda: abs(parse_timecode(start.input_value()) - at_playhead) < 0.002, "the start at the playhead"
    )
    expect(slider).to_be_focused()


def choose_looks(page: Page) -> None:
    """Each group of cards is one stop, and its cards are reached by arrows."""
    press(page, page.get_by_role("radio", name=re.compile("^Start again")), "ArrowRight")
    expect(page.get_by_role("radio", name=re.compile("^Crossfade"))).to_be_checked()
    press(page, page.get_by_role("radio", name=re.compile("^Fill")), "ArrowDown")
    expect(page.get_by_role("radio", name=re.compile("^Whole"))).to_be_checked()
    press(page, page.get_by_role("radio", name=re.compile("^Balanced")), "ArrowLeft")
    expect(page.get_by_role("radio", name=re.compile("^Small"))).to_be_focused()
    press(page, page.locator("summary", has_text="More options"))
    reach(page, page.get_by_label("Length in seconds"))
    page.keyboard.type("1")
    page.keyboard.press("Tab")
    assert has_focus(page)


def make(page: Page) -> None:
    """The news are told once for each step, and the focus goes from what is gone to what is new."""
    press(page, button(page, "Make background"))
    page.wait_for_url("**/jobs/*/", timeout=PATIENCE_MS)
    with held(page, "**/jobs/*/status"):
        reach(page, button(page, "Cancel"))
    ready = page.get_by_role("heading", name="Your background is ready")
    expect(ready).to_be_visible(timeout=PATIENCE_MS)
    expect(ready).to_be_focused()
    wait_for(lambda: page.evaluate("told.at(-1)") == "Your background is ready", "the last news")
    told: list[str] = page.evaluate("told")
    assert len(told) == len(set(told)), told
    assert not re.search(r"\d|left", "".join(told)), "what changes every second is not told"


def download(page: Page, folder: Path) -> bytes:
    """Through the windows of the preview to the file."""
    press(page, page.get_by_role("radio", name="Laptop"), "ArrowRight")
    expect(page.get_by_role("radio", name="Desktop")).to_be_checked()
    return take_file(page, folder)


def take_file(page: Page, folder: Path) -> bytes:
    reach(page, page.get_by_role("link", name="Download", exact=True))
    with page.expect_download() as waiting:
        page.keyboard.press("Enter")
    waiting.value.save_as(folder / "got.gif")
    return (folder / "got.gif").read_bytes()


def share(page: Page) -> str:
    reach(page, page.get_by_label("Password, if you want one"))
    page.keyboard.type(PASSWORD)
    press(page, button(page, "Make a link"))
    field = page.get_by_label("Link 1", exact=True)
    expect(field).to_be_visible()
    expect(button(page, "Make a link")).to_be_focused()
    press(page, button(page, "Copy link 1"))
    expect(page.locator("#announcer")).to_have_text("Copied")
    link = field.input_value()
    assert page.evaluate("navigator.clipboard.readText()") == link
    assert has_focus(page)
    return link


def receive(page: Page, link: str, gif: bytes, folder: Path) -> None:
    """In another tab; then the link is revoked in the first."""
    receiver = page.context.new_page()
    receiver.goto(link)
    reach(receiver, receiver.get_by_label("Password for this link"))
    receiver.keyboard.type(PASSWORD)
    receiver.keyboard.press("Enter")
    assert take_file(receiver, folder) == gif
    receiver.close()
    press(page, page.get_by_text("Extend or revoke"))
    press(page, button(page, "Revoke link 1"))
    expect(page.locator("#links")).to_contain_text("Link 1 Revoked")
    expect(page.locator("#links")).to_be_focused()
