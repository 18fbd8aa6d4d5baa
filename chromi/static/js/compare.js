/** Let the range move the border between the two pictures, and tell where it is. */
export function enhanceCompare(root) {
  const range = root.querySelector("input");
  const follow = () => {
    root.style.setProperty("--at", `${range.value}%`);
    range.setAttribute("aria-valuetext", range.dataset.valueText.replace("{percent}", range.value));
  };
  range.addEventListener("input", follow);
  follow();
}
