"""States of the start page and of an unfinished upload's page."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.support.page_states.registry import expect_heading, page_state
from tests.support.seeded_app import SeededApp

DRAG_FILE_OVER_PAGE = """() => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File(["a"], "clip.mp4"));
  const options = { dataTransfer, bubbles: true, cancelable: true };
  document.body.dispatchEvent(new DragEvent("dragover", options));
}"""


def expect_enhanced(page: Page) -> None:
    """Wait until script has enhanced the upload form."""
    expect(page.locator("#upload_form")).to_have_class(re.compile(r"\benhanced\b"))


@page_state("start")
def open_start_page(page: Page, app: SeededApp) -> None:
    page.goto(app.url)
    expect_enhanced(page)


@page_state("start, wrong kind of file")
def choose_wrong_file(page: Page, app: SeededApp) -> None:
    open_start_page(page, app)
    page.set_input_files("#video", {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"words"})
    expect(page.get_by_role("alert")).to_contain_text("notes.txt")


@page_state("start, dragging")
def drag_file(page: Page, app: SeededApp) -> None:
    open_start_page(page, app)
    page.evaluate(DRAG_FILE_OVER_PAGE)
    expect(page.locator(".drop-area")).to_have_class(re.compile("dragging"))


@page_state("start, opening the studio")
def open_studio(page: Page, app: SeededApp) -> None:
    page.route("**/uploads/resumable/", lambda route: None)
    open_start_page(page, app)
    page.set_input_files("#video", app.clip)
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()


@page_state("start, opening the studio for a GIF")
def open_studio_for_gif(page: Page, app: SeededApp) -> None:
    page.route("**/uploads/resumable/", lambda route: None)
    open_start_page(page, app)
    page.set_input_files("#video", app.finished[0])
    expect(page.locator(".drop-area .media-frame > img:not(.start-background)")).to_be_visible()


@page_state("unfinished upload")
def open_unfinished_upload(page: Page, app: SeededApp) -> None:
    page.goto(app.create_partial_upload())
    expect_heading(page, "Your upload isn’t finished")
    expect_enhanced(page)
