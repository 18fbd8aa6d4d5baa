"""Render the site's images from docs/icons/: `python docs/icons.py`.

Renders the link preview image (social.png), the home screen icon for phones, and an icon for browsers without
SVG icon support.
"""

from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

SOURCES = Path(__file__).parent / "icons"
STATIC = Path(__file__).parent.parent / "chromi" / "static"
# Name, source, and width and height in px. Icons have square corners because the systems that show them round
# the corners.
IMAGES = {
    "social.png": (SOURCES / "social.html", 1200, 630),
    "apple-touch-icon.png": (SOURCES / "icon.svg", 180, 180),
    "icons/app-192.png": (SOURCES / "icon.svg", 192, 192),
    "icons/app-512.png": (SOURCES / "icon.svg", 512, 512),
    "favicon.png": (STATIC / "favicon.svg", 48, 48),
}
COLORS = 64
"""Enough for flat images. Small files matter because services that show link previews limit the size."""


def main() -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page()
        for name, (source, width_px, height_px) in IMAGES.items():
            render(page, source, STATIC / name, width_px, height_px)
        browser.close()


def render(page: Page, source: Path, target: Path, width_px: int, height_px: int) -> None:
    page.set_viewport_size({"width": width_px, "height": height_px})
    page.goto(source.as_uri())
    page.screenshot(path=target, omit_background=True)
    with Image.open(target) as image:
        image.quantize(COLORS, dither=Image.Dither.NONE).save(target, optimize=True)
    print(f"{target.name}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
