import { announce } from "./announcer.js";
import { SettledRequest } from "./settled-request.js";

/** A chip counts as pressed if the window starts this close to its suggestion. */
const TOLERANCE_S = 0.02;

function loopsElement() {
  return document.getElementById("loops");
}

/** Searches for a seamless loop unasked, and offers it; only pressing the offer changes the window or the loop style. */
export class LoopSuggestions {
  #form;
  #trimWindow;
  #request;

  /** `isReady` returns whether the clip is on the server. */
  constructor(form, parts, trimWindow, { isReady, signal }) {
    this.#form = form;
    this.#trimWindow = trimWindow;
    this.#request = new SettledRequest(parts.find_loops, {
      form,
      getKey: () => `${trimWindow.lengthS}`,
      // The other styles have no jump that a better window would avoid.
      isReady: () => isReady() && !trimWindow.isWholeClip && form.elements.loop.value === "cut",
      signal,
    });
    parts.suggestions.addEventListener("click", (event) => this.#onClick(event));
    trimWindow.addEventListener("change", () => this.#markPressed());
    document.addEventListener("htmx:afterSwap", (event) => this.#onAfterSwap(event), { signal });
  }

  /** Must be called when the settings may have changed. */
  settingsChanged() {
    this.#markPressed();
    if (this.#request.isOutdated) this.#discard();
    this.#request.schedule();
  }

  #onClick({ target }) {
    const chip = target.closest(".chip");
    if (chip?.dataset.startS) this.#trimWindow.moveTo(Number(chip.dataset.startS));
    else if (chip) this.#toggleLoopStyle(chip.dataset.loop);
  }

  #toggleLoopStyle(loop) {
    const style = this.#form.elements.loop.value === loop ? "cut" : loop;
    this.#form.querySelector(`[name="loop"][value="${style}"]`).click();
  }

  /** Remove the suggestions, because they are of another length, and cancel their requests. */
  #discard() {
    this.#request.cancel();
    const empty = document.createElement("div");
    empty.id = "loops";
    empty.className = "loop-suggestions";
    window.htmx.trigger(loopsElement(), "htmx:abort");
    loopsElement().replaceWith(empty);
  }

  #markPressed() {
    for (const chip of loopsElement().querySelectorAll("[aria-pressed]")) {
      const { loop, startS } = chip.dataset;
      const isStart = Math.abs(Number(startS) - this.#trimWindow.startS) < TOLERANCE_S;
      chip.setAttribute("aria-pressed", loop ? this.#form.elements.loop.value === loop : isStart);
    }
  }

  #onAfterSwap({ detail }) {
    if (detail.target.id !== "loops") return;
    this.#markPressed();
    if ("failed" in loopsElement().dataset) this.#request.failed();
    const announcement = loopsElement().querySelector("[data-part=loops_announcement]");
    if (announcement) announce(announcement.textContent.trim());
  }
}
