"""Take screenshots of a page at several widths, light and dark."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Locator, Page

HEIGHTS_PX = {360: 740, 768: 1024, 1440: 900, 1920: 1080, 3840: 2160}
"""Viewport heights by width."""
COLOR_SCHEMES = ("light", "dark")
SETTLE_MS = 250
"""A page has settled if two screenshots this far apart are identical."""
MAX_ATTEMPTS = 60


@dataclass(frozen=True)
class Capture:
    """Where screenshots are written and which states are captured."""

    folder: Path
    widths_px: tuple[int, ...]
    name_filter: str
    """Only states with this text in their name are captured."""

    def save(
        self, page: Page, name: str, *, scroll_to: Locator | None = None, full_page: bool = True
    ) -> None:
        """Capture the page at all widths and in both color schemes.

        A page with the sticky action bar needs `full_page=False`, because the bar would cover the middle of
        the page.
        """
        if self.name_filter not in name:
            return
        print(name, flush=True)
        for width_px in self.widths_px:
            page.set_viewport_size({"width": width_px, "height": HEIGHTS_PX[width_px]})
            for scheme in COLOR_SCHEMES:
                page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                if scroll_to:
                    scroll_to.evaluate(
                        "element => scrollTo(0, element.getBoundingClientRect().top + scrollY - 16)"
                    )
                screenshot = capture_settled(page, full_page=full_page)
                (self.folder / f"{name}-{width_px}-{scheme}.png").write_bytes(screenshot)


def capture_settled(page: Page, *, full_page: bool) -> bytes:
    """Return a screenshot of the page once it has stopped changing."""
    previous = b""
    for _ in range(MAX_ATTEMPTS):
        screenshot = page.screenshot(full_page=full_page)
        if screenshot == previous:
            return screenshot
        previous = screenshot
        page.wait_for_timeout(SETTLE_MS)
    raise SystemExit(f"{page.url} did not stop changing.")
