"""Capture states before the clip is uploaded: the start page, and uploads over a bad network."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from docs.screenshots.capture import Capture
from docs.screenshots.service import LARGE_CLIP_BYTES, Clips
from tests.support.flaky_proxy import FlakyProxy
from tests.support.waiting import wait_for

STALLED_BYTES_PER_S = 1000.0
"""Slow enough that the progress does not change between two screenshots."""


def capture_start_page(page: Page, capture: Capture, url: str) -> None:
    page.goto(url)
    capture.save(page, "start")
    page.evaluate(
        """() => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File(["clip"], "clip.mp4", { type: "video/mp4" }));
          const options = { dataTransfer, bubbles: true, cancelable: true };
          document.body.dispatchEvent(new DragEvent("dragover", options));
        }"""
    )
    expect(page.locator(".drop-area")).to_have_class(re.compile("dragging"))
    capture.save(page, "start-dragging", full_page=False)
    page.goto(url)
    page.set_input_files("#video", {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no video"})
    expect(page.get_by_role("alert")).to_contain_text("notes.txt")
    capture.save(page, "start-wrong-file")
    page.goto(f"{url}/nothing/")
    capture.save(page, "page-not-found")


def capture_uploads(page: Page, capture: Capture, url: str, clips: Clips) -> None:
    with FlakyProxy(url) as proxy:
        page.goto(proxy.url)
        page.set_input_files("#video", clips.large)
        page.wait_for_url("**/uploads/*/")
        wait_for(lambda: proxy.sent_bytes > 0.4 * LARGE_CLIP_BYTES, "a part of the upload")
        proxy.bytes_per_s = STALLED_BYTES_PER_S
        expect(page.get_by_role("button", name="Play loop")).to_be_visible()
        capture.save(page, "upload-running", full_page=False)
        page.get_by_role("button", name="Make background").click()
        capture.save(page, "upload-awaited", full_page=False)
        proxy.disconnect()
        expect(page.get_by_role("group", name="Upload progress")).to_contain_text(
            "Connection lost. Trying again…"
        )
        capture.save(page, "upload-cut", full_page=False)
        page.goto("about:blank")
        proxy.reconnect()
    with FlakyProxy(url) as proxy:
        page.goto(proxy.url)
        proxy.disconnect()
        page.set_input_files("#video", clips.plain)
        expect(page.locator("form").get_by_text("Connection lost.")).to_be_visible()
        capture.save(page, "start-offline")
        page.goto("about:blank")
        proxy.reconnect()
