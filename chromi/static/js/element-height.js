/** Keep the height of an element in a CSS property of the page, because other elements are placed by it. */
export function trackHeight(element, property, signal) {
  const { style } = document.documentElement;
  const observer = new ResizeObserver(() => style.setProperty(property, `${element.offsetHeight}px`));
  observer.observe(element);
  signal.addEventListener("abort", () => observer.disconnect());
}
