"""The states of the studio."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from docs.screenshots.camera import Camera
from docs.screenshots.service import Clips

PATIENCE_MS = 120_000
DUSK = "00:00:04"


def open_studio(page: Page, url: str, clip: Path) -> None:
    """Send a clip and open its studio."""
    sent = {"name": clip.name, "mimeType": "video/mp4", "buffer": clip.read_bytes()}
    answer = page.request.post(f"{url}/uploads/", multipart={"video": sent}, timeout=PATIENCE_MS)
    page.goto(url + answer.json()["url"])


def take_studio(page: Page, camera: Camera, url: str, clip: Path) -> None:
    """Find loops and sizes, and leave the page in the studio with the usual settings but for the start."""
    open_studio(page, url, clip)
    expect(page.get_by_role("button", name="Play the loop")).to_be_visible()
    camera.take(page, "studio", whole=False)
    page.get_by_role("button", name="Find the best loop").click()
    best = page.locator(".chip").first
    expect(best).to_be_visible(timeout=PATIENCE_MS)
    best.click()
    camera.take(page, "studio-loops", whole=False, at=page.locator(".seam-row"))
    size = page.locator("output[data-size=small]")
    expect(size).to_have_text(re.compile("about"), timeout=PATIENCE_MS)  # it asks for itself
    camera.take(page, "studio-look", whole=False, at=page.locator("fieldset.loop"))
    page.locator("#limited").check()
    page.get_by_text("More options").click()
    page.get_by_label("Length in seconds").fill("4")
    camera.take(page, "studio-options", whole=False, at=page.get_by_text("How large it may be"))
    page.goto(f"{page.url.partition('?')[0]}?start_time={DUSK}")


def take_shapes(page: Page, camera: Camera, url: str, clips: Clips) -> None:
    """Clips that are not wide, or not long."""
    open_studio(page, url, clips.upright)
    expect(page.get_by_text("Drag to move the picture")).to_be_visible()
    camera.take(page, "studio-upright", whole=False)
    page.locator("[name=framing][value=blur]").check()
    camera.take(page, "studio-upright-blur", whole=False, at=page.locator("h1"))
    camera.take(page, "studio-upright-look", whole=False, at=page.get_by_text("How it fills the tab"))
    open_studio(page, url, clips.short)
    expect(page.get_by_text("so all of it becomes your background")).to_be_visible()
    camera.take(page, "studio-short", whole=False)


def take_unplayable(page: Page, camera: Camera, url: str, clips: Clips) -> None:
    """To be asked of a service without a worker: there the copy stays unmade."""
    open_studio(page, url, clips.unplayable)
    expect(page.get_by_text("Making a copy that your browser can show")).to_be_visible()
    camera.take(page, "studio-unplayable", whole=False)
