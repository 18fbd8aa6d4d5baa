"""Make the pictures that others show of Chromi from docs/signs/: `python docs/signs.py`.

A link's preview (social.png), the icon of a phone's home screen, and one for browsers that take no SVG.
"""

from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

SOURCES = Path(__file__).parent / "signs"
STATIC = Path(__file__).parent.parent / "chromi" / "static"
# What to draw, and how large; icons are drawn as they are, whatever shows them rounds their corners.
SIGNS = {
    "social.png": (SOURCES / "social.html", 1200, 630),
    "apple-touch-icon.png": (SOURCES / "icon.svg", 180, 180),
    "favicon.png": (STATIC / "favicon.svg", 48, 48),
}
COLORS = 64
"""The pictures are flat, more would be edges alone; and who fetches a preview gives up on what is large."""


def main() -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page()
        for name, (source, width, height) in SIGNS.items():
            draw(page, source, STATIC / name, width, height)
        browser.close()


def draw(page: Page, source: Path, target: Path, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.goto(source.as_uri())
    page.screenshot(path=target, omit_background=True)
    with Image.open(target) as picture:
        picture.quantize(COLORS, dither=Image.Dither.NONE).save(target, optimize=True)
    print(f"{target.name}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
