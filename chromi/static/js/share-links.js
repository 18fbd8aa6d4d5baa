import { announce } from "./announcer.js";
import { partsOf } from "./dom.js";
import { rememberBackground } from "./my-backgrounds.js";
import { setPasswordShown, togglePassword } from "./password-toggle.js";

const FEEDBACK_MS = 2000;

/** Actions of buttons, by the data attribute that marks them. */
const actions = { copies: copyLink, shares: shareLink, reveals: togglePassword };

/** Show on the button for a moment what has happened, and announce it. */
function showFeedback(button, message, isSuccess) {
  button.dataset.label ??= button.textContent;
  announce(message);
  button.textContent = message;
  button.classList.toggle("success", isSuccess);
  setTimeout(() => {
    announce(""); // so that the same sentence is announced again for the next link
    button.textContent = button.dataset.label;
    button.classList.remove("success");
  }, FEEDBACK_MS);
}

async function copyLink(button) {
  const field = document.getElementById(button.dataset.copies);
  try {
    await navigator.clipboard.writeText(field.value);
    showFeedback(button, button.dataset.done, true);
  } catch {
    // The clipboard API needs https or localhost. The link is selected instead, for the keyboard's copy command.
    field.select();
    showFeedback(button, button.dataset.byHand, false);
  }
}

async function shareLink(button) {
  try {
    await navigator.share({ title: button.dataset.title, url: document.getElementById(button.dataset.shares).value });
  } catch {
    // The person closed the share sheet, or it has no targets: the link is still there to copy.
  }
}

function showShareButtons() {
  if (!navigator.share) return;
  for (const button of document.querySelectorAll("[data-shares]")) button.hidden = false;
}

/** Show the links that there are instead of making another one. */
function onSend(event) {
  if (!event.target.closest("[data-part=send]")) return;
  const links = document.querySelector("#links > ul");
  if (!links) return;
  event.preventDefault();
  links.scrollIntoView({ block: "nearest" });
}

/** Announce the changed link. The form is reset: the next link needs its own password and limit. */
function onLinksChanged(links) {
  announce(partsOf(links).announcement.textContent.trim().replace(/\s+/g, " "));
  if (links.dataset.change !== "made") return;
  links.scrollIntoView({ block: "nearest" }); // the button may be at the top of the page
  const form = document.querySelector("#share form");
  form.reset();
  setPasswordShown(form.querySelector("[data-reveals]"), false);
}

/** Focus the list if the pressed button was removed with its link. */
function restoreFocus(links) {
  if (document.activeElement !== document.body) return;
  links.tabIndex = -1;
  links.focus();
}

export function enhanceShareLinks() {
  document.addEventListener("click", (event) => {
    for (const [name, act] of Object.entries(actions)) {
      const button = event.target.closest(`[data-${name}]`);
      if (button) act(button);
    }
  });
  document.addEventListener("click", onSend);
  showShareButtons();
  document.addEventListener("htmx:afterSwap", (event) => {
    showShareButtons();
    if (event.detail.target.id !== "links") return;
    const links = document.getElementById("links");
    onLinksChanged(links);
    rememberBackground(document.getElementById("result")); // a link can keep it for longer
    restoreFocus(links);
  });
}
