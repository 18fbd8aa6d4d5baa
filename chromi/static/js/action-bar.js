/** Keep the height of the action bar in a CSS property: what gets the focus scrolls clear of the bar. */
export function trackBarHeight(bar, signal) {
  const { style } = document.documentElement;
  const observer = new ResizeObserver(() => style.setProperty("--action-bar-height", `${bar.offsetHeight}px`));
  observer.observe(bar);
  signal.addEventListener("abort", () => observer.disconnect());
}
