import { revealScriptControls } from "./dom.js";
import { watchErrors } from "./error-notice.js";
import { localizeTimes } from "./format.js";

function adapt() {
  revealScriptControls(document);
  localizeTimes(document);
}
// Registered before all other listeners, so they find the swapped content adapted.
document.addEventListener("htmx:afterSwap", adapt);

/**
 * Enhance a page that already works as plain forms: do what every page needs, and call an enhancer for each element of
 * this page. Each page has its own small script in pages/, so that no page loads another page's modules.
 * @param {Object<string, function(HTMLElement): void>} enhancers functions by the id of their element
 */
export function enhancePage(enhancers = {}) {
  adapt();
  for (const [id, enhance] of Object.entries(enhancers)) {
    const element = document.getElementById(id);
    if (element) enhance(element);
  }
  // Registered last, so that a page can keep an error response from being swapped in.
  watchErrors();
}
