let shown = location.pathname;

/** Name another page in the address bar without leaving this document. */
export function renamePage(address, { isNew }) {
  history[isNew ? "pushState" : "replaceState"](null, "", address);
  shown = location.pathname;
}

/** Start page and studio may be one document: going back or forth between them needs the other page. */
export function followHistory() {
  window.addEventListener("popstate", () => {
    if (location.pathname !== shown) location.reload();
  });
}
