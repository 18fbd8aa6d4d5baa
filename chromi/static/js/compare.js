import { fill, percent } from "./words.js";

/** Let the range move the border between the two pictures, and tell where it is. */
export function enhanceCompare(root) {
  const range = root.querySelector("input");
  const follow = () => {
    root.style.setProperty("--at", `${range.value}%`);
    range.setAttribute("aria-valuetext", fill(range.dataset.valueText, { percent: percent(range.value / 100) }));
  };
  range.addEventListener("input", follow);
  follow();
}
