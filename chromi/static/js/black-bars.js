import { announce } from "./announcer.js";
import { WHOLE_FRAME } from "./canvas.js";

function barsElement() {
  return document.getElementById("bars");
}

/** The share of the frame at the edge of a bar that browsers blend with the bar when they scale the video. */
const BLENDED_SHARE = 0.003;

/** Return a part of the frame without what is blended with bars at its sides, or above and below. */
function removeBlended({ left, top, width, height }) {
  const x = width < 1 ? BLENDED_SHARE : 0;
  const y = height < 1 ? BLENDED_SHARE : 0;
  return { left: left + x, top: top + y, width: width - 2 * x, height: height - 2 * y };
}

/** Offers to crop the clip's black bars if the server finds any. "change" is dispatched when they are cropped or not. */
export class BlackBars extends EventTarget {
  #form;
  #field;
  #content = WHOLE_FRAME;
  #signal;

  constructor(form, signal) {
    super();
    this.#form = form;
    this.#field = form.elements.crop_bars;
    this.#signal = signal;
    document.addEventListener("htmx:afterSwap", ({ detail }) => detail.target.id === "bars" && this.#onAfterSwap(), { signal });
  }

  /** Search the clip, which must be on the server. While a field is invalid, this waits for the next change. */
  search() {
    if (!this.#form.checkValidity()) {
      this.#form.addEventListener("change", () => this.search(), { once: true, signal: this.#signal });
      return;
    }
    window.htmx.process(barsElement()); // htmx may not have processed the page yet
    window.htmx.trigger(barsElement(), "options-settled");
  }

  /** The part of the clip's frame that is kept, in fractions. */
  get content() {
    return this.#field.value === "auto" ? this.#content : WHOLE_FRAME;
  }

  #onAfterSwap() {
    const checkbox = barsElement().querySelector("input");
    if (!checkbox) return;
    this.#content = removeBlended(JSON.parse(checkbox.dataset.content));
    checkbox.checked = this.#field.value === "auto";
    checkbox.addEventListener("change", () => {
      this.#field.value = checkbox.checked ? "auto" : "off";
      this.#field.dispatchEvent(new Event("input", { bubbles: true }));
    });
    announce(checkbox.parentElement.textContent.trim());
    this.dispatchEvent(new Event("change"));
  }
}
