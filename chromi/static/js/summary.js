import { fill, megabyteLimit, seconds } from "./format.js";
import { backgroundDurationS } from "./frame-order.js";

/** Says beside the primary action what will be made: length, size in pixels, and bytes. */
export class Summary {
  #form;
  #parts;

  constructor(form, parts) {
    this.#form = form;
    this.#parts = parts;
  }

  /** `settings` as backgroundDurationS takes them. */
  show(settings) {
    const { summary } = this.#parts;
    const { size } = this.#form.elements;
    const lengthS = settings.clipDurationS > 0 ? backgroundDurationS(settings) : settings.lengthS;
    const values = { length: seconds(lengthS), size: size.selectedOptions[0].text, bytes: this.#bytes };
    summary.textContent = fill(summary.dataset.words, values);
  }

  get #bytes() {
    const { size_limit: limit, qualities, limited_quality: limited, summary } = this.#parts;
    if (limited.checked) return fill(summary.dataset.limit, { size: megabyteLimit(limit.value || limit.placeholder) });
    return qualities.querySelector(`[data-size="${this.#form.elements.quality.value}"]`).textContent;
  }
}
