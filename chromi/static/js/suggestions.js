import { announce } from "./announce.js";

/** Closer than this, the window stands on the suggestion. */
const SAME_S = 0.02;

function currentLoops() {
  return document.getElementById("loops");
}

/** Chips that move the window. Returns what forgets them, for when another length makes them wrong. */
export function takeSuggestions(parts, trim, signal) {
  const mark = () => {
    for (const chip of currentLoops().querySelectorAll("[data-start-s]")) {
      chip.setAttribute("aria-pressed", Math.abs(Number(chip.dataset.startS) - trim.startS) < SAME_S);
    }
  };
  parts.suggestions.addEventListener("click", (event) => {
    const chip = event.target.closest("[data-start-s]");
    if (chip) trim.moveTo(Number(chip.dataset.startS));
  });
  trim.addEventListener("change", mark);
  document.addEventListener(
    "htmx:afterSwap",
    (event) => {
      if (event.detail.target.id !== "loops") return;
      mark();
      announce(currentLoops().querySelector("[data-part=loops_news]").textContent.trim());
    },
    { signal },
  );
  return () => {
    const empty = document.createElement("div");
    empty.id = "loops";
    window.htmx.trigger(currentLoops(), "htmx:abort");
    currentLoops().replaceWith(empty);
  };
}
