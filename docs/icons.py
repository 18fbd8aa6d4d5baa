"""Render the site's images from docs/icons/: `python docs/icons.py`.

Renders the link preview image (social.jpg), the home screen icon for phones, and an icon for browsers without
SVG icon support.
"""

import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

SOURCES = Path(__file__).parent / "icons"
STATIC = Path(__file__).parent.parent / "chromi" / "static"
# Name, source, and width and height in px. Icons have square corners because the systems that show them round
# the corners.
IMAGES = {
    "social.jpg": (SOURCES / "social.html", 1200, 630),
    "apple-touch-icon.png": (SOURCES / "icon.svg", 180, 180),
    "icons/app-192.png": (SOURCES / "icon.svg", 192, 192),
    "icons/app-512.png": (SOURCES / "icon.svg", 512, 512),
    "favicon.png": (STATIC / "favicon.svg", 48, 48),
}
ICON_COLORS = 64
JPEG_QUALITY = 88
"""About 70 KB. Services that show link previews limit the size, and not all of them read WebP."""


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
    with Image.open(io.BytesIO(page.screenshot(omit_background=True))) as image:
        if target.suffix == ".jpg":
            image.convert("RGB").save(target, quality=JPEG_QUALITY, optimize=True, progressive=True)
        else:
            image.quantize(ICON_COLORS, dither=Image.Dither.NONE).save(target, optimize=True)
    print(f"{target.name}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
