"""Take the pictures in docs/screenshots/ from a running Chromi: `python docs/screenshots.py URL CLIP`."""

import sys
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

FOLDER = Path(__file__).parent / "screenshots"
PATIENCE_MS = 120_000


def main(url: str, clip: str) -> None:
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for name, scheme, width, height in (("desktop", "light", 1280, 800), ("phone", "dark", 390, 844)):
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
            walk(page, url, clip, name)
        browser.close()


def walk(page: Page, url: str, clip: str, name: str) -> None:
    """Go the whole way once, with a picture at each stop."""
    page.goto(url)
    page.screenshot(path=FOLDER / f"start-{name}.png")
    page.set_input_files("#video", clip)
    page.wait_for_url("**/uploads/*/", timeout=PATIENCE_MS)
    expect(page.get_by_role("button", name="Play the loop")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_label("Starts at").fill("00:00:02")
    page.wait_for_timeout(2000)  # the filmstrip is drawn
    page.screenshot(path=FOLDER / f"studio-{name}.png", full_page=True)
    page.get_by_role("button", name="Make background").click()
    page.wait_for_url("**/jobs/*/")
    page.wait_for_timeout(2500)
    page.screenshot(path=FOLDER / f"making-{name}.png")
    expect(page.get_by_role("heading", name="Your background is ready")).to_be_visible(timeout=PATIENCE_MS)
    page.wait_for_load_state("networkidle", timeout=PATIENCE_MS)
    page.get_by_role("button", name="Make a link").click()
    link = page.get_by_label("Link 1", exact=True)
    expect(link).to_be_visible()
    page.screenshot(path=FOLDER / f"result-{name}.png", full_page=True)
    page.goto(link.input_value())
    page.screenshot(path=FOLDER / f"receiver-{name}.png", full_page=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
