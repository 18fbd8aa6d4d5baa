let shown = loadedPath();

/** The path that this document was loaded from; the address may be another since, before any script ran. */
function loadedPath() {
  const [loading] = performance.getEntriesByType("navigation");
  return loading?.name.startsWith(location.origin) ? new URL(loading.name).pathname : location.pathname;
}

/** Name another page in the address bar without leaving this document. */
export function renamePage(address, { isNew }) {
  history[isNew ? "pushState" : "replaceState"](null, "", address);
  shown = location.pathname;
}

/** Start page and studio may be one document: going back or forth between them needs the other page. */
export function followHistory() {
  const follow = () => {
    if (location.pathname !== shown) location.reload();
  };
  window.addEventListener("popstate", follow);
  follow();
}
