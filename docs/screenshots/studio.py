"""Capture states of the studio."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from docs.screenshots.capture import Capture
from docs.screenshots.service import Clips

TIMEOUT_MS = 120_000
START = "0:02"
"""The flower is open in the middle of this part."""


def open_studio(page: Page, url: str, clip: Path) -> None:
    """Upload a clip and open its studio."""
    file = {"name": clip.name, "mimeType": "video/mp4", "buffer": clip.read_bytes()}
    response = page.request.post(f"{url}/uploads/", multipart={"video": file}, timeout=TIMEOUT_MS)
    page.goto(url + response.json()["url"])


def capture_studio(page: Page, capture: Capture, url: str, clip: Path) -> None:
    """Capture loop suggestions, sizes and options; leave the studio open with default settings."""
    open_studio(page, url, clip)
    expect(page.get_by_role("button", name="Play loop")).to_be_visible()
    capture.save(page, "studio", full_page=False)
    expect(page.locator(".chip")).to_be_visible(timeout=TIMEOUT_MS)
    capture.save(page, "studio-loops", full_page=False, scroll_to=page.locator(".player-controls"))
    small_size = page.locator("[data-size=small]")
    expect(small_size).to_have_text(re.compile("about"), timeout=TIMEOUT_MS)  # estimated automatically
    capture.save(page, "studio-look", full_page=False, scroll_to=page.get_by_role("group", name="Loop style"))
    page.locator("#limited").press("Space")  # other elements cover its center, so it cannot be clicked there
    page.get_by_label("Length (1 to 10 sec)").fill("4")
    page.get_by_text("More options").click()
    capture.save(
        page, "studio-options", full_page=False, scroll_to=page.get_by_role("group", name="File size")
    )
    page.goto(f"{page.url.partition('?')[0]}?start_time={START}")


def capture_clip_shapes(page: Page, capture: Capture, url: str, clips: Clips) -> None:
    """Capture clips that are not 16:9 or are shorter than the window."""
    open_studio(page, url, clips.tall)
    expect(page.get_by_text("Drag the circle in the video")).to_be_visible()
    capture.save(page, "studio-upright", full_page=False)
    page.locator("[name=framing][value=blur]").check()
    capture.save(page, "studio-upright-blur", full_page=False, scroll_to=page.locator("h1"))
    framing = page.get_by_role("group", name="Framing")
    capture.save(page, "studio-upright-look", full_page=False, scroll_to=framing)
    open_studio(page, url, clips.short)
    expect(page.get_by_text("so all of it is used")).to_be_visible()
    capture.save(page, "studio-short", full_page=False)


def capture_unplayable_clip(page: Page, capture: Capture, url: str, clips: Clips) -> None:
    """Capture a clip that the browser cannot play.

    Requires a service without a worker, which would finish the preview.
    """
    open_studio(page, url, clips.unplayable)
    expect(page.get_by_text("Preparing the preview")).to_be_visible()
    capture.save(page, "studio-unplayable", full_page=False)
