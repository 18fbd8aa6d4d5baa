import { announce } from "./announcer.js";

const FEEDBACK_MS = 2000;

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

/** Let buttons copy or share the link in the field that they name in data-copies or data-shares. */
export function enhanceLinkButtons() {
  document.addEventListener("click", ({ target }) => {
    const [copy, share] = [target.closest("[data-copies]"), target.closest("[data-shares]")];
    if (copy) copyLink(copy);
    if (share) shareLink(share);
  });
  showShareButtons();
  document.addEventListener("htmx:afterSwap", showShareButtons);
}
