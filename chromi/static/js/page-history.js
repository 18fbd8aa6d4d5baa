/**
 * Return the path of the page that this document shows. The script that shows another page notes its path on <main>.
 * Until then it is the path that the document was loaded from; location may already have changed before scripts ran.
 */
function shownPath() {
  const { shownPath: noted } = document.getElementById("main").dataset;
  if (noted) return noted;
  const [loading] = performance.getEntriesByType("navigation");
  return loading?.name.startsWith(location.origin) ? new URL(loading.name).pathname : location.pathname;
}

/**
 * Show another page's address without leaving this document.
 * @param {string} url
 * @param {{isNewEntry: boolean}} options whether Back returns to the page before
 */
export function setPageUrl(url, { isNewEntry }) {
  history[isNewEntry ? "pushState" : "replaceState"](null, "", url);
  document.getElementById("main").dataset.shownPath = location.pathname;
}

function reloadIfOtherPage() {
  if (location.pathname !== shownPath()) location.reload();
}

/** Reload when Back or Forward leads to the other page of this document: start page and studio may share one. */
export function reloadOnHistoryNavigation() {
  window.addEventListener("popstate", reloadIfOtherPage);
  reloadIfOtherPage();
}
