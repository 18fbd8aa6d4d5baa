import { announce } from "./announcer.js";
import { partsOf } from "./dom.js";
import { enhanceLinkButtons } from "./link-buttons.js";
import { rememberBackground } from "./my-backgrounds.js";
import { enhancePasswordFields, setPasswordShown } from "./password-toggle.js";

/** Show the newest link that works instead of making another one. */
function onSend(event) {
  if (!event.target.closest("[data-part=send]")) return;
  const link = document.querySelector("#links [data-state=live]");
  if (!link) return;
  event.preventDefault();
  link.scrollIntoView({ block: "nearest" });
}

/** Announce the changed link. The form is reset: the next link needs its own password and limit. */
function onLinksChanged(links) {
  announce(partsOf(links).announcement.textContent.trim().replace(/\s+/g, " "));
  if (links.dataset.change !== "made") return;
  links.scrollIntoView({ block: "nearest" }); // the button may be at the top of the page
  const form = document.getElementById("share_form");
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
  enhanceLinkButtons();
  enhancePasswordFields();
  document.addEventListener("click", onSend);
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id !== "links") return;
    const links = document.getElementById("links");
    onLinksChanged(links);
    rememberBackground(document.getElementById("result")); // a link can keep it for longer
    restoreFocus(links);
  });
}
