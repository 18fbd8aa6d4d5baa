import { showErrors } from "./js/errors.js";
import { revealScripted } from "./js/parts.js";
import { localTimes } from "./js/words.js";

function adapt() {
  revealScripted(document);
  localTimes(document);
}
// First, so that whatever a page says of what has come finds it adapted.
document.addEventListener("htmx:afterSwap", adapt);

/**
 * Enhance a page that already works as plain forms: what every page needs, and a function for each element of
 * this one, by the element's id. Each page has its own small script in pages/, so that none loads another's.
 */
export function enhancePage(enhancers = {}) {
  adapt();
  for (const [id, enhance] of Object.entries(enhancers)) {
    const element = document.getElementById(id);
    if (element) enhance(element);
  }
  // Last, so that a page can keep an answer from being shown.
  showErrors();
}
