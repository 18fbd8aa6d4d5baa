import { announce } from "./announce.js";
import { partsOf } from "./parts.js";

const SHOWN_MS = 2000;

/** What to do with a press on the elements that carry this data attribute. */
const presses = { copies: copy, shares: share, reveals: reveal };

function fieldOf(id) {
  return document.getElementById(id);
}

/** Let the button say for a moment what has happened. */
function tell(button, told, isDone) {
  button.dataset.label ??= button.textContent;
  announce(told);
  button.textContent = told;
  button.classList.toggle("done", isDone);
  setTimeout(() => {
    button.textContent = button.dataset.label;
    button.classList.remove("done");
  }, SHOWN_MS);
}

async function copy(button) {
  const field = fieldOf(button.dataset.copies);
  try {
    await navigator.clipboard.writeText(field.value);
    tell(button, button.dataset.done, true);
  } catch {
    // No clipboard outside https and localhost; select the link, so that the keys do it.
    field.select();
    tell(button, button.dataset.byHand, false);
  }
}

async function share(button) {
  try {
    await navigator.share({ title: button.dataset.title, url: fieldOf(button.dataset.shares).value });
  } catch {
    // Closed without choosing, or nothing there to share with: the link still stands beside the button.
  }
}

/** Show a password while the button is down: whoever makes a link has to tell its password to somebody. */
function reveal(button) {
  const isShown = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", isShown);
  fieldOf(button.dataset.reveals).type = isShown ? "text" : "password";
}

function offerShareSheets() {
  if (!navigator.share) return;
  for (const button of document.querySelectorAll("[data-shares]")) button.hidden = false;
}

/** The next link is another one: it gets its own password and count. The news are told once. */
function onChange() {
  const links = fieldOf("links");
  announce(partsOf(links).news.textContent.trim().replace(/\s+/g, " "));
  if (links.dataset.change === "made") document.querySelector("#share form").reset();
}

/** The pressed button is gone with its link: the list takes the focus over. */
function keepFocus() {
  if (document.activeElement !== document.body) return;
  const links = fieldOf("links");
  links.tabIndex = -1;
  links.focus();
}

export function shareLinks() {
  document.addEventListener("click", (event) => {
    for (const [name, act] of Object.entries(presses)) {
      const button = event.target.closest(`[data-${name}]`);
      if (button) act(button);
    }
  });
  offerShareSheets();
  document.addEventListener("htmx:afterSwap", (event) => {
    offerShareSheets();
    if (event.detail.target.id !== "links") return;
    onChange();
    keepFocus();
  });
}
