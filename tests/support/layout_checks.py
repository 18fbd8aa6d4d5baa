"""Layout checks that axe does not do; each returns descriptions of the elements that fail."""

from typing import Any

from playwright.sync_api import Page

SCRIPT = """
window.layoutChecks = (() => {
  const MIN_TARGET_PX = 44;
  const isVisible = (element) =>
    element.checkVisibility({ opacityProperty: false, visibilityProperty: true });
  const describe = (element) => {
    const box = element.getBoundingClientRect();
    const [left, top, width, height] = [box.left, box.top, box.width, box.height].map(Math.round);
    return `${element.outerHTML.slice(0, 120).replace(/\\s+/g, " ")} at ${left},${top}: ${width} x ${height}`;
  };

  /* The element that reacts to a tap: the label of a choice, or of a transparent control over its card. */
  const targetOf = (element) => {
    const label = element.closest("label");
    const isChoice = element.matches("[type=radio], [type=checkbox]");
    const isTransparent = getComputedStyle(element).opacity === "0";
    return (isChoice || isTransparent) && label ? label : element;
  };
  const isInText = (link) => link.matches("a") && link.parentElement.matches("p, li, dd") &&
    link.parentElement.textContent.trim() !== link.textContent.trim();
  const small = () => {
    const controls = "a[href], button, summary, select, input:not([type=hidden]), [role=slider]";
    return [...document.querySelectorAll(controls)].filter((element) => {
      if (!isVisible(element) || isInText(element) || element.matches(".visually-hidden")) return false;
      const { width, height } = targetOf(element).getBoundingClientRect();
      return Math.min(width, height) < MIN_TARGET_PX - 0.5;
    }).map(describe);
  };

  const wide = () => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    const overflowing = [...document.body.querySelectorAll("*")].filter((element) => {
      const { left, right, width } = element.getBoundingClientRect();
      return width && isVisible(element) && (left < -1 || right > clientWidth + 1);
    });
    return [`${scrollWidth} > ${clientWidth}`, ...overflowing.slice(0, 5).map(describe)];
  };

  /* Text that an ancestor clips. Drawings of a browser and text for screen readers do not count. */
  const IGNORED = ".visually-hidden, [aria-hidden=true], video, script, option";
  const clipped = () => {
    const found = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const text = texts.currentNode;
      const element = text.parentElement;
      if (!text.data.trim() || !isVisible(element) || element.closest(IGNORED)) continue;
      const range = document.createRange();
      range.selectNodeContents(text);
      const boxes = [...range.getClientRects()];
      let ancestor = element;
      for (; ancestor !== document.body && ancestor; ancestor = ancestor.parentElement) {
        const style = getComputedStyle(ancestor);
        if (style.overflowX === "visible" || style.textOverflow === "ellipsis") continue;
        const frame = ancestor.getBoundingClientRect();
        const isClipped = ({ left, right, top, bottom }) =>
          left < frame.left - 2 || right > frame.right + 2 ||
          top < frame.top - 4 || bottom > frame.bottom + 4;
        if (boxes.some(isClipped)) found.push(`“${text.data.trim().slice(0, 40)}” in ${describe(ancestor)}`);
      }
    }
    return found;
  };

  /* What is wrong with the focused element: no focus ring, out of view, or covered by the action bar. */
  const focused = () => {
    const element = document.activeElement;
    if (element === document.body || element === document.documentElement) return "nowhere";
    const hasRing = (candidate) => {
      const { outlineStyle, outlineWidth, opacity } = getComputedStyle(candidate);
      return opacity !== "0" && outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
    };
    const container = element.closest("label, .card, .timeline-track, .compare");
    const ringed = [element, container].find((candidate) => candidate && hasRing(candidate));
    if (!ringed) return `no ring: ${describe(element)}`;
    const box = ringed.getBoundingClientRect();
    const bar = document.querySelector(".action-bar");
    if (box.bottom < 0 || box.top > innerHeight) return `out of view: ${describe(ringed)}`;
    const { top, bottom } = bar && !bar.contains(element) ? bar.getBoundingClientRect() : { top: Infinity };
    // Of an element that is taller than the space above the bar, only the top has to be visible.
    const isCovered = box.top < bottom && Math.min(box.bottom, box.top + top / 2) > top + 1;
    return isCovered ? `covered by the bar at ${Math.round(top)}: ${describe(ringed)}` : "";
  };

  /* URLs of animated GIFs: the start page's, a result's, a clip's. */
  const GIF = /\\.gif$|\\/download\\/[^/]+\\/$|\\/video$/;
  const isLocalGif = (image) => image.currentSrc.startsWith("blob:") && !image.matches(".still-frame");
  const isAnimated = (image) => isVisible(image) && (GIF.test(image.currentSrc) || isLocalGif(image));
  const moving = () => [
    ...[...document.querySelectorAll("video")].filter((video) => !video.paused || video.autoplay),
    ...[...document.images].filter(isAnimated),
    ...document.getAnimations().map((animation) => animation.effect.target),
  ].map(describe);

  return { small, wide, clipped, focused, moving };
})();
"""


def find_layout_errors(page: Page, *checks: str) -> list[str]:
    """Run the named checks on the page: "small" (targets), "wide" (page), "clipped" (text), "moving"."""
    errors: list[str] = _evaluate(
        page, f"{list(checks)}.flatMap((name) => layoutChecks[name]().map((e) => name + ': ' + e))"
    )
    return errors


def find_focus_error(page: Page) -> str:
    """Return what is wrong with the focus indicator, or ""; "nowhere" if no element has the focus."""
    error: str = _evaluate(page, "layoutChecks.focused()")
    return error


def _evaluate(page: Page, expression: str) -> Any:
    return page.evaluate(f"() => {{ if (!window.layoutChecks) {{ {SCRIPT} }} return {expression}; }}")
