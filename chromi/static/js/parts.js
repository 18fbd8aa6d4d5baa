/** Show the controls that do nothing without script; the HTML hides them. */
export function revealScripted(root) {
  for (const element of root.querySelectorAll("[data-needs-script]")) element.hidden = false;
}

/** The elements marked data-part="name" inside root, by name. */
export function partsOf(root) {
  const parts = {};
  for (const element of root.querySelectorAll("[data-part]")) parts[element.dataset.part] = element;
  return parts;
}
