import { announce } from "./announcer.js";
import { fill } from "./format.js";
import { SettledRequest } from "./settled-request.js";

/** Every quality is estimated at once, and a size limit does not change the estimates. */
const IRRELEVANT_FIELDS = ["quality", "max_mb"];

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
export class SizeEstimates extends EventTarget {
  #form;
  #parts;
  #request;
  /** What the cards show, by quality: texts and the URL of a still. */
  #cards = {};

  /** `isReady` returns whether the clip is on the server. "change" is dispatched when other sizes are shown. */
  constructor(form, parts, { isReady, signal }) {
    super();
    this.#form = form;
    this.#parts = parts;
    this.#request = new SettledRequest(parts.estimate, { form, getKey: () => relevantSettings(form), isReady, signal });
    document.addEventListener("htmx:afterSwap", (event) => this.#onAfterSwap(event), { signal });
    this.#openStillsAtFullSize();
  }

  /** Must be called when the settings may have changed. */
  settingsChanged() {
    if (this.#request.isOutdated) this.#discard();
    this.#request.schedule();
  }

  #onAfterSwap({ detail }) {
    if (detail.target.id !== "estimates") return;
    this.#showSizes();
    if ("failed" in estimatesElement().dataset) this.#request.failed();
    announce(estimatesElement().textContent.trim().replace(/\s+/g, " "));
  }

  /** Show the sizes on the cards, or the default texts while there are none. */
  #showSizes() {
    const { qualities } = this.#parts;
    const sentence = estimatesElement().querySelector("[data-part=sizes]");
    const { cards } = sentence?.dataset ?? {};
    this.#cards = cards ? JSON.parse(cards) : {};
    if (cards) sentence.hidden = true; // the cards show the same
    for (const output of qualities.querySelectorAll("[data-size]")) {
      const size = this.#cards[output.dataset.size]?.size;
      output.textContent = size ? fill(qualities.dataset.about, { size }) : output.dataset.default;
    }
    for (const text of qualities.querySelectorAll("[data-description]")) {
      text.textContent = this.#cards[text.dataset.description]?.description || text.dataset.default;
    }
    this.#showStills();
    this.showNotice();
    this.dispatchEvent(new Event("change"));
  }

  /** Say what the selected quality costs visibly. Must be called when another quality may have been selected. */
  showNotice() {
    const { quality_notice: notice, limited_quality: limited } = this.#parts;
    const sentence = limited.checked ? "" : this.#cards[this.#form.elements.quality.value]?.notice;
    notice.textContent = sentence ?? "";
    notice.hidden = !sentence;
  }

  /** Show on each card how its quality renders a frame of the clip. */
  #showStills() {
    for (const button of this.#parts.qualities.querySelectorAll("[data-still]")) {
      const url = this.#cards[button.dataset.still]?.still;
      button.hidden = !url || Boolean(navigator.connection?.saveData);
      if (button.hidden) button.firstElementChild.removeAttribute("src");
      else button.firstElementChild.src = url;
    }
  }

  #openStillsAtFullSize() {
    const { qualities, still_dialog: dialog } = this.#parts;
    qualities.addEventListener("click", ({ target }) => {
      const button = target.closest("[data-still]");
      if (!button) return;
      dialog.querySelector("img").src = button.firstElementChild.src;
      dialog.showModal();
    });
    // Anywhere: on the button, the image or the backdrop.
    dialog.addEventListener("click", () => dialog.close());
  }

  /** Remove the sizes of other settings and cancel their requests. */
  #discard() {
    this.#request.cancel();
    const empty = document.createElement("div");
    empty.id = empty.className = "estimates";
    window.htmx.trigger(estimatesElement(), "htmx:abort");
    estimatesElement().replaceWith(empty);
    this.#showSizes();
  }
}
