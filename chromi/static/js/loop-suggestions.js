import { announce } from "./announcer.js";

/** A chip counts as pressed if the window starts this close to its suggestion. */
const TOLERANCE_S = 0.02;

function loopsElement() {
  return document.getElementById("loops");
}

/** The chips with the windows that loop best; pressing one moves the window there. */
export class LoopSuggestions {
  #trimWindow;

  constructor(container, trimWindow, signal) {
    this.#trimWindow = trimWindow;
    container.addEventListener("click", (event) => {
      const chip = event.target.closest("[data-start-s]");
      if (chip) trimWindow.moveTo(Number(chip.dataset.startS));
    });
    trimWindow.addEventListener("change", () => this.#markPressed());
    document.addEventListener("htmx:afterSwap", (event) => this.#onAfterSwap(event), { signal });
  }

  /** Remove the suggestions, for example because they are of another length. */
  clear() {
    const empty = document.createElement("div");
    empty.id = "loops";
    window.htmx.trigger(loopsElement(), "htmx:abort");
    loopsElement().replaceWith(empty);
  }

  #markPressed() {
    for (const chip of loopsElement().querySelectorAll("[data-start-s]")) {
      const isPressed = Math.abs(Number(chip.dataset.startS) - this.#trimWindow.startS) < TOLERANCE_S;
      chip.setAttribute("aria-pressed", isPressed);
    }
  }

  #onAfterSwap({ detail }) {
    if (detail.target.id !== "loops") return;
    this.#markPressed();
    announce(loopsElement().querySelector("[data-part=loops_announcement]").textContent.trim());
  }
}
