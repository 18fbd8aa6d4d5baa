"""The states before the clip is there: choosing it, and its way through a bad network."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from docs.screenshots.camera import Camera
from docs.screenshots.service import HEAVY_UPLOAD_BYTES, Clips
from tests.support.flaky_proxy import Relay
from tests.support.waiting import wait_for

TRICKLE = 1000.0
"""Bytes a second: what has come so far stays as it is while the pictures are taken."""


def take_start(page: Page, camera: Camera, url: str) -> None:
    page.goto(url)
    camera.take(page, "start")
    page.evaluate(
        """() => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File(["clip"], "clip.mp4", { type: "video/mp4" }));
          const ways = { dataTransfer, bubbles: true, cancelable: true };
          document.body.dispatchEvent(new DragEvent("dragover", ways));
        }"""
    )
    expect(page.locator(".drop")).to_have_class(re.compile("dragging"))
    camera.take(page, "start-dragging", whole=False)
    page.goto(url)
    page.set_input_files("#video", {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no video"})
    expect(page.get_by_role("alert")).to_contain_text("notes.txt")
    camera.take(page, "start-wrong-file")
    page.goto(f"{url}/nothing/")
    camera.take(page, "page-not-found")


def take_network(page: Page, camera: Camera, url: str, clips: Clips) -> None:
    with Relay(url) as relay:
        page.goto(relay.url)
        page.set_input_files("#video", clips.large)
        page.wait_for_url("**/uploads/*/")
        wait_for(lambda: relay.sent_bytes > 0.4 * HEAVY_UPLOAD_BYTES, "a part of the upload")
        relay.bytes_per_s = TRICKLE
        expect(page.get_by_role("button", name="Play the loop")).to_be_visible()
        camera.take(page, "upload-running", whole=False)
        page.get_by_role("button", name="Make background").click()
        camera.take(page, "upload-awaited", whole=False)
        relay.shut()
        expect(page.get_by_role("group", name="Upload")).to_contain_text("Connection lost, trying again…")
        camera.take(page, "upload-cut", whole=False)
        page.goto("about:blank")
        relay.reopen()
    with Relay(url) as relay:
        page.goto(relay.url)
        relay.shut()
        page.set_input_files("#video", clips.plain)
        expect(page.locator("form").get_by_text("The service cannot be reached.")).to_be_visible()
        camera.take(page, "start-offline")
        page.goto("about:blank")
        relay.reopen()
