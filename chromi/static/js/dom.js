/** Resolves once the page and all that it needs at first has loaded. */
export const pageLoaded = new Promise((resolve) => {
  if (document.readyState === "complete") resolve();
  else addEventListener("load", resolve, { once: true });
});

/** Show the controls that do nothing without script; the HTML hides them. */
export function revealScriptControls(root) {
  for (const element of root.querySelectorAll("[data-needs-script]")) element.hidden = false;
}

/** Return the elements inside `root` that are marked data-part="name", by name. */
export function partsOf(root) {
  const parts = {};
  for (const element of root.querySelectorAll("[data-part]")) parts[element.dataset.part] = element;
  return parts;
}
