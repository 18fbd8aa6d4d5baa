import { fill, percent } from "./format.js";

/** Let the range input move the border between the two frames, and describe its position. */
export function enhanceCompare(root) {
  const range = root.querySelector("input");
  const update = () => {
    root.style.setProperty("--position", `${range.value}%`);
    range.setAttribute("aria-valuetext", fill(range.dataset.valueText, { percent: percent(range.value / 100) }));
  };
  range.addEventListener("input", update);
  update();
}
