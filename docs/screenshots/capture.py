"""Pictures of a page as it stands, at every width, light and dark."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Locator, Page

HEIGHTS_PX = {360: 740, 768: 1024, 1440: 900, 3840: 2160}
SCHEMES = ("light", "dark")
STILL_MS = 250
"""Nothing moves on a page whose picture is the same after this time."""
TRIES = 60


@dataclass(frozen=True)
class Camera:
    folder: Path
    widths: tuple[int, ...]
    wanted: str
    """Part of the names of the states to be taken; the others are passed by."""

    def wants(self, name: str) -> bool:
        return self.wanted in name

    def take(self, page: Page, name: str, *, at: Locator | None = None, whole: bool = True) -> None:
        """Take the page at all widths and colors: `whole`, or the screen alone, with `at` at its top.

        A page with a bar that sticks to the screen must not be taken whole: the bar would lie on its middle.
        """
        if not self.wants(name):
            return
        print(name, flush=True)
        for width in self.widths:
            page.set_viewport_size({"width": width, "height": HEIGHTS_PX[width]})
            for scheme in SCHEMES:
                page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                if at:
                    at.evaluate("element => scrollTo(0, element.getBoundingClientRect().top + scrollY - 16)")
                picture = settle(page, whole=whole)
                (self.folder / f"{name}-{width}-{scheme}.png").write_bytes(picture)


def settle(page: Page, *, whole: bool) -> bytes:
    """Wait until nothing moves any more, and give that picture."""
    before = b""
    for _ in range(TRIES):
        picture = page.screenshot(full_page=whole)
        if picture == before:
            return picture
        before = picture
        page.wait_for_timeout(STILL_MS)
    raise SystemExit(f"{page.url} never came to rest.")
