"""What the tests of the studio do in it."""

from playwright.sync_api import Locator, Page

LOOK_AGAIN_MS = 50
"""To write a canvas down at every frame would take longer than to draw it."""

LOCAL_FILE = """async ({ url, type }) => {
  // As the first page does while a clip is being sent: a studio that knows nothing yet, with the local file.
  const blob = await (await fetch(url)).blob();
  const root = document.querySelector("#studio");
  const fresh = root.cloneNode(true);
  fresh.dataset.durationS = fresh.dataset.videoUrl = "";
  fresh.querySelector("video").removeAttribute("src");
  root.replaceWith(fresh);
  htmx.process(fresh);
  const { enhanceStudio } = await import(document.querySelector('[href$="/js/studio.js"]').href);
  enhanceStudio(fresh, { localUrl: URL.createObjectURL(blob), localType: type });
}"""


def slider(page: Page) -> Locator:
    return page.get_by_label("Your part of the clip")


def starts_at(page: Page) -> Locator:
    return page.get_by_label("Starts at")


def pictures(page: Page) -> list[str]:
    """The two pictures of the seam, as data URLs."""
    return [
        page.locator(f"[data-part={part}]").evaluate("canvas => canvas.toDataURL()")
        for part in ("first", "last")
    ]


def wait_for_seam(page: Page, *, other_than: tuple[str, ...] | list[str] = ("", "")) -> list[str]:
    """Wait until both pictures of the seam are drawn and are not those."""
    page.wait_for_function(
        """(others) => ["first", "last"].every((part, i) => {
             const canvas = document.querySelector(`[data-part=${part}]`);
             return canvas.width !== 300 && canvas.toDataURL() !== others[i];
           })""",
        arg=list(other_than),
        polling=LOOK_AGAIN_MS,
    )
    return pictures(page)


def shown_s(page: Page) -> float:
    """Where in the clip the player's picture is."""
    seconds: float = page.evaluate("document.querySelector('#studio video').currentTime")
    return seconds


def wait_shown(page: Page, seconds: float) -> None:
    page.wait_for_function(
        "s => Math.abs(document.querySelector('#studio video').currentTime - s) < 0.02",
        arg=seconds,
        polling=LOOK_AGAIN_MS,
    )


def drag(page: Page, handle: Locator, dx: float, dy: float = 0) -> None:
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx / 2, y + dy / 2)
    page.mouse.move(x + dx, y + dy)
    page.mouse.up()
