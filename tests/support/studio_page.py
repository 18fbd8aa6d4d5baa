"""Helpers for tests of the studio."""

from playwright.sync_api import Locator, Page

POLL_MS = 50
"""Encoding a canvas at every frame would take longer than drawing it."""

SHOW_LOCAL_FILE = """async ({ url, type }) => {
  // Like the start page while it uploads a clip: a studio without any facts, and the local file.
  const blob = await (await fetch(url)).blob();
  const root = document.querySelector("#studio");
  const fresh = root.cloneNode(true);
  fresh.dataset.durationS = fresh.dataset.videoUrl = "";
  fresh.querySelector("video").removeAttribute("src");
  root.replaceWith(fresh);
  htmx.process(fresh);
  const { $modules } = await import(document.querySelector("script[type=module]").src);
  const { enhanceStudio } = $modules["js/studio.js"];
  enhanceStudio(fresh, { localUrl: URL.createObjectURL(blob), localType: type });
}"""


def slider(page: Page) -> Locator:
    """Return the timeline's slider, which moves the window."""
    return page.get_by_label("Selected part of the video")


def start_field(page: Page) -> Locator:
    return page.get_by_label("Start time")


def end_frames(page: Page) -> list[str]:
    """Return the first and the last frame of the background as data URLs."""
    return [
        page.locator(f"[data-part={part}]").evaluate("canvas => canvas.toDataURL()")
        for part in ("first_frame", "last_frame")
    ]


def wait_for_end_frames(page: Page, *, other_than: tuple[str, ...] | list[str] = ("", "")) -> list[str]:
    """Wait until both end frames are drawn and differ from the given ones; return them."""
    page.wait_for_function(
        """(others) => ["first_frame", "last_frame"].every((part, i) => {
             const canvas = document.querySelector(`[data-part=${part}]`);
             return canvas.width !== 300 && canvas.toDataURL() !== others[i];
           })""",
        arg=list(other_than),
        polling=POLL_MS,
    )
    return end_frames(page)


def current_time_s(page: Page) -> float:
    """Return the time in the clip that the player shows."""
    seconds: float = page.evaluate("document.querySelector('#studio video').currentTime")
    return seconds


def wait_for_time(page: Page, seconds: float) -> None:
    """Wait until the player shows this time in the clip."""
    page.wait_for_function(
        "s => Math.abs(document.querySelector('#studio video').currentTime - s) < 0.02",
        arg=seconds,
        polling=POLL_MS,
    )


def drag(page: Page, handle: Locator, dx: float, dy: float = 0) -> None:
    """Drag the handle by this many pixels."""
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx / 2, y + dy / 2)
    page.mouse.move(x + dx, y + dy)
    page.mouse.up()
