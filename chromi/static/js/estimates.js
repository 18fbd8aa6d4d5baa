import { announce } from "./announce.js";
import { fill } from "./words.js";

/** Each quality is estimated, and how large the file may be does not change how large it would be. */
const INDIFFERENT = ["quality", "max_mb"];
const REST_MS = 1200;

function currentEstimates() {
  return document.getElementById("estimates");
}

/** What decides the pictures, as one string. */
function picturesOf(form) {
  const chosen = new FormData(form);
  for (const name of INDIFFERENT) chosen.delete(name);
  return new URLSearchParams(chosen).toString();
}

/** Put the sizes where the choice is, or what may be said without them. */
function showSizes(qualities) {
  const sizes = currentEstimates().querySelector("[data-part=sizes]")?.dataset ?? {};
  for (const place of qualities.querySelectorAll("[data-size]")) {
    const size = sizes[place.dataset.size];
    place.textContent = size ? fill(qualities.dataset.about, { size }) : place.dataset.usual;
  }
  currentEstimates().parentElement.classList.toggle("known", Boolean(sizes.small));
}

/** Sizes of other pictures would mislead, and whoever measures them need not be asked any more. */
function forget({ measure, qualities }) {
  const empty = document.createElement("div");
  empty.id = "estimates";
  window.htmx.trigger(measure, "htmx:abort");
  window.htmx.trigger(currentEstimates(), "htmx:abort");
  currentEstimates().replaceWith(empty);
  showSizes(qualities);
}

/** Ask for the sizes by itself when the choice has come to rest. Returns what is to be called when it may have changed. */
export function watchEstimates(form, parts, { isReady, signal }) {
  let measured = null;
  let timer = 0;
  const measure = () => {
    if (!isReady() || !form.checkValidity() || measured === picturesOf(form)) return;
    measured = picturesOf(form);
    window.htmx.trigger(parts.measure, "rest");
  };
  document.addEventListener(
    "htmx:afterSwap",
    (event) => {
      if (event.detail.target.id !== "estimates") return;
      showSizes(parts.qualities);
      announce(currentEstimates().textContent.trim().replace(/\s+/g, " "));
    },
    { signal },
  );
  // What did not go by itself can be asked for, and is tried again with the next change.
  for (const failure of ["htmx:sendError", "htmx:responseError"]) {
    parts.measure.addEventListener(failure, () => {
      parts.measure.hidden = false;
      measured = null;
    });
  }
  parts.measure.hidden = true;
  parts.measure.type = "button"; // or Enter in a field would press it, as the form's first
  return () => {
    clearTimeout(timer);
    if (measured !== null && measured !== picturesOf(form)) {
      measured = null;
      forget(parts);
    }
    timer = setTimeout(measure, REST_MS);
  };
}
