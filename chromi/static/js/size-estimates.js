import { announce } from "./announcer.js";
import { fill } from "./format.js";

/** Every quality is estimated at once, and a size limit does not change the estimates. */
const IRRELEVANT_FIELDS = ["quality", "max_mb"];
const SETTLE_MS = 1200;

function estimatesElement() {
  return document.getElementById("estimates");
}

/** Return the settings that the estimates depend on as one string. */
function relevantSettings(form) {
  const data = new FormData(form);
  for (const name of IRRELEVANT_FIELDS) data.delete(name);
  return new URLSearchParams(data).toString();
}

/** Estimates the file sizes whenever the settings have not changed for a while, and shows them on the quality cards. */
export class SizeEstimates {
  #form;
  #parts;
  #isReady;
  #requestedSettings = null;
  #timer = 0;

  /** `isReady` says whether the clip is on the server. */
  constructor(form, parts, { isReady, signal }) {
    this.#form = form;
    this.#parts = parts;
    this.#isReady = isReady;
    document.addEventListener("htmx:afterSwap", (event) => this.#onAfterSwap(event), { signal });
    // A failed estimate can be requested by hand, and is requested again after the next change.
    for (const failure of ["htmx:sendError", "htmx:responseError"]) {
      parts.estimate.addEventListener(failure, () => this.#onFailure());
    }
    parts.estimate.hidden = true;
    parts.estimate.type = "button"; // as the form's first submit button it would be pressed by Enter
  }

  /** Must be called when the settings may have changed. */
  settingsChanged() {
    clearTimeout(this.#timer);
    if (this.#requestedSettings !== null && this.#requestedSettings !== relevantSettings(this.#form)) this.#discard();
    this.#timer = setTimeout(() => this.#request(), SETTLE_MS);
  }

  #request() {
    const settings = relevantSettings(this.#form);
    if (!this.#isReady() || !this.#form.checkValidity() || this.#requestedSettings === settings) return;
    this.#requestedSettings = settings;
    window.htmx.trigger(this.#parts.estimate, "options-settled");
  }

  #onAfterSwap({ detail }) {
    if (detail.target.id !== "estimates") return;
    this.#showSizes();
    announce(estimatesElement().textContent.trim().replace(/\s+/g, " "));
  }

  #onFailure() {
    this.#parts.estimate.hidden = false;
    this.#requestedSettings = null;
  }

  /** Show the sizes on the cards, or the default texts while there are none. */
  #showSizes() {
    const { qualities } = this.#parts;
    const sizes = estimatesElement().querySelector("[data-part=sizes]")?.dataset ?? {};
    for (const output of qualities.querySelectorAll("[data-size]")) {
      const size = sizes[output.dataset.size];
      output.textContent = size ? fill(qualities.dataset.about, { size }) : output.dataset.default;
    }
    estimatesElement().parentElement.classList.toggle("has-sizes", Boolean(sizes.small));
  }

  /** Remove the sizes of other settings and cancel their requests. */
  #discard() {
    this.#requestedSettings = null;
    const empty = document.createElement("div");
    empty.id = empty.className = "estimates";
    window.htmx.trigger(this.#parts.estimate, "htmx:abort");
    window.htmx.trigger(estimatesElement(), "htmx:abort");
    estimatesElement().replaceWith(empty);
    this.#showSizes();
  }
}
