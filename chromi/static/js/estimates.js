import { announce } from "./announce.js";

/** Each quality is estimated, and how large the file may be does not change how large it would be. */
const INDIFFERENT = new Set(["quality", "max_mb"]);

function currentEstimates() {
  return document.getElementById("estimates");
}

/** Sizes of other pictures would mislead, and whoever measures them need not be asked any more. */
function forget() {
  const empty = document.createElement("div");
  empty.id = "estimates";
  window.htmx.trigger(currentEstimates(), "htmx:abort");
  currentEstimates().replaceWith(empty);
}

export function watchEstimates(form) {
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id === "estimates") announce(currentEstimates().textContent.trim());
  });
  form.addEventListener("input", (event) => {
    if (!INDIFFERENT.has(event.target.name)) forget();
  });
}
