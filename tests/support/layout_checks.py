"""What a page can be asked that axe does not ask; each gives the elements that are wrong, as text."""

from typing import Any

from playwright.sync_api import Page

SCRIPT = """
window.measures = (() => {
  const TARGET_PX = 44;
  const seen = (element) => element.checkVisibility({ opacityProperty: false, visibilityProperty: true });
  const name = (element) => {
    const box = element.getBoundingClientRect();
    const [left, top, width, height] = [box.left, box.top, box.width, box.height].map(Math.round);
    return `${element.outerHTML.slice(0, 120).replace(/\\s+/g, " ")} at ${left},${top}: ${width} x ${height}`;
  };

  /* What a finger meets: a control that lies unseen over its card or under its label has that one's box. */
  const targetOf = (element) => {
    const label = element.closest("label");
    const isChoice = element.matches("[type=radio], [type=checkbox]");
    const isUnseen = getComputedStyle(element).opacity === "0";
    return (isChoice || isUnseen) && label ? label : element;
  };
  const isInSentence = (link) => link.matches("a") && link.parentElement.matches("p, li, dd") &&
    link.parentElement.textContent.trim() !== link.textContent.trim();
  const small = () => {
    const controls = "a[href], button, summary, select, input:not([type=hidden]), [role=slider]";
    return [...document.querySelectorAll(controls)].filter((element) => {
      if (!seen(element) || isInSentence(element) || element.matches(".visually-hidden")) return false;
      const { width, height } = targetOf(element).getBoundingClientRect();
      return Math.min(width, height) < TARGET_PX - 0.5;
    }).map(name);
  };

  const wide = () => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    const out = [...document.body.querySelectorAll("*")].filter((element) => {
      const { left, right, width } = element.getBoundingClientRect();
      return width && seen(element) && (left < -1 || right > clientWidth + 1);
    });
    return [`${scrollWidth} > ${clientWidth}`, ...out.slice(0, 5).map(name)];
  };

  /* Words that an ancestor cuts off. Pictures of a browser, and what is for screen readers, are none. */
  const UNREAD = ".visually-hidden, [aria-hidden=true], video, script, option";
  const clipped = () => {
    const found = [];
    const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (words.nextNode()) {
      const text = words.currentNode;
      const element = text.parentElement;
      if (!text.data.trim() || !seen(element) || element.closest(UNREAD)) continue;
      const range = document.createRange();
      range.selectNodeContents(text);
      const boxes = [...range.getClientRects()];
      for (let up = element; up !== document.body && up; up = up.parentElement) {
        const style = getComputedStyle(up);
        if (style.overflowX === "visible" || style.textOverflow === "ellipsis") continue;
        const frame = up.getBoundingClientRect();
        const isCut = ({ left, right, top, bottom }) =>
          left < frame.left - 2 || right > frame.right + 2 ||
          top < frame.top - 4 || bottom > frame.bottom + 4;
        if (boxes.some(isCut)) found.push(`“${text.data.trim().slice(0, 40)}” in ${name(up)}`);
      }
    }
    return found;
  };

  /* How the element that has the focus shows it, and whether it can be seen. */
  const focused = () => {
    const element = document.activeElement;
    if (element === document.body || element === document.documentElement) return "nowhere";
    const ring = (one) => {
      const { outlineStyle, outlineWidth, opacity } = getComputedStyle(one);
      return opacity !== "0" && outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
    };
    const around = element.closest("label, .card, .strip, #compare");
    const shown = [element, around].find((one) => one && ring(one));
    if (!shown) return `no ring: ${name(element)}`;
    const box = shown.getBoundingClientRect();
    const bar = document.querySelector(".make");
    if (box.bottom < 0 || box.top > innerHeight) return `out of sight: ${name(shown)}`;
    const { top, bottom } = bar && !bar.contains(element) ? bar.getBoundingClientRect() : { top: Infinity };
    // What is taller than the room above the bar is seen by its beginning.
    const isOver = box.top < bottom && Math.min(box.bottom, box.top + top / 2) > top + 1;
    return isOver ? `under the bar at ${Math.round(top)}: ${name(shown)}` : "";
  };

  /* The start page's, a result, a clip that is one. */
  const GIF = /\\.gif$|\\/download\\/[^/]+\\/$|\\/video$/;
  const isLocal = (image) => image.currentSrc.startsWith("blob:") && !image.matches(".still");
  const moving = () => [
    ...[...document.querySelectorAll("video")].filter((video) => !video.paused || video.autoplay),
    ...[...document.images].filter((image) => seen(image) && (GIF.test(image.currentSrc) || isLocal(image))),
    ...document.getAnimations().map((animation) => animation.effect.target),
  ].map(name);

  return { small, wide, clipped, focused, moving };
})();
"""


def measure(page: Page, *names: str) -> list[str]:
    """What is wrong with the page as it stands: "small", "wide", "clipped" or "moving"."""
    wrong: list[str] = _ask(
        page, f"{list(names)}.flatMap((name) => measures[name]().map((e) => name + ': ' + e))"
    )
    return wrong


def focused(page: Page) -> str:
    """What is wrong with how the focus is shown; "nowhere" when the page has it."""
    wrong: str = _ask(page, "measures.focused()")
    return wrong


def _ask(page: Page, question: str) -> Any:
    return page.evaluate(f"() => {{ if (!window.measures) {{ {SCRIPT} }} return {question}; }}")
