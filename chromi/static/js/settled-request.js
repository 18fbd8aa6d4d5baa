const SETTLE_MS = 1200;

/** Presses a button that requests an analysis of the clip, once the settings it depends on have not changed for a while. */
export class SettledRequest {
  #button;
  #form;
  #getKey;
  #isReady;
  #requestedKey = null;
  #timer = 0;

  /**
   * @param {HTMLButtonElement} button has hx-trigger="options-settled"; it is shown only after the analysis has failed
   * @param {{form: HTMLFormElement, getKey: function(): string, isReady: function(): boolean, signal: AbortSignal}} options
   *   `getKey` returns the settings that the analysis depends on, and `isReady` whether it can be requested now
   */
  constructor(button, { form, getKey, isReady, signal }) {
    this.#button = button;
    this.#form = form;
    this.#getKey = getKey;
    this.#isReady = isReady;
    // A failed analysis can be repeated by hand, and is repeated after the next change.
    for (const failure of ["htmx:sendError", "htmx:responseError"]) {
      button.addEventListener(failure, () => this.failed());
    }
    button.hidden = true;
    button.type = "button"; // as the form's first submit button it would be pressed by Enter
    signal.addEventListener("abort", () => clearTimeout(this.#timer));
  }

  /** True if an analysis was requested, but of other settings than the current ones. */
  get isOutdated() {
    return this.#requestedKey !== null && this.#requestedKey !== this.#getKey();
  }

  /** Must be called when the settings may have changed. */
  schedule() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#send(), SETTLE_MS);
  }

  cancel() {
    this.#requestedKey = null;
    window.htmx.trigger(this.#button, "htmx:abort");
  }

  /** Must be called when the analysis has failed or was canceled. */
  failed() {
    this.#button.hidden = false;
    this.#requestedKey = null;
  }

  #send() {
    const key = this.#getKey();
    if (!this.#isReady() || !this.#form.checkValidity() || this.#requestedKey === key) return;
    this.#requestedKey = key;
    window.htmx.trigger(this.#button, "options-settled");
  }
}
