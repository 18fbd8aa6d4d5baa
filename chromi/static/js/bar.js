/** Let what gets the focus scroll clear of the bar at the bottom, however high it is now. */
export function clearBar(bar, signal) {
  const root = document.documentElement;
  const observer = new ResizeObserver(() => root.style.setProperty("--make-bar", `${bar.offsetHeight}px`));
  observer.observe(bar);
  signal.addEventListener("abort", () => observer.disconnect());
}
