import { announce } from "./announce.js";
import { enhanceCompare } from "./compare.js";
import { enhanceNewTab } from "./newtab.js";
import { partsOf } from "./parts.js";
import { GONE } from "./request.js";

const RETRY_MS = 3000;
const HELD_MS = 200;

let retryTimer = 0;

function currentJob() {
  return document.getElementById("job");
}

/** Put the state into the tab's title and icon and, when it changes, into a screen reader's ear. */
function tell() {
  const job = currentJob();
  document.title = job.dataset.title;
  const icon = document.querySelector('link[rel="icon"]');
  if (icon.getAttribute("href") !== job.dataset.icon) icon.href = job.dataset.icon;
  announce(partsOf(job).news.textContent.trim());
}

/** Give life to the result, when there is one. */
function enhanceResult() {
  const enhancers = { newtab: enhanceNewTab, compare: enhanceCompare };
  for (const [id, enhance] of Object.entries(enhancers)) {
    const element = document.getElementById(id);
    if (element) enhance(element);
  }
}

function showConnection(isLost) {
  document.getElementById("connection").hidden = !isLost;
}

/** A lost answer breaks the fragment's chain of asking: start it again. */
function retryLater(ms = RETRY_MS) {
  clearTimeout(retryTimer);
  retryTimer = setTimeout(() => window.htmx.trigger(currentJob(), "retry"), ms);
}

/** A button that is replaced between down and up is not pressed. */
function isHeld() {
  return currentJob().querySelector(":active") !== null;
}

function isUnfinished(element) {
  return currentJob().contains(element) && currentJob().hasAttribute("hx-get");
}

function onLost(event) {
  if (!isUnfinished(event.target)) return;
  showConnection(true);
  retryLater();
}

function onRefused(event) {
  if (!isUnfinished(event.target)) return;
  const { status } = event.detail.xhr;
  const isPoll = event.target === currentJob();
  if (isPoll && GONE.has(status)) return;
  showConnection(isPoll);
  retryLater();
}

/** Where the focused button has gone with the old fragment, the news takes the focus over. */
function keepFocus() {
  if (document.activeElement !== document.body) return;
  const { news } = partsOf(currentJob());
  news.tabIndex = -1;
  news.focus();
}

export function watchJob() {
  tell();
  enhanceResult();
  let hadFocus = false;
  document.addEventListener("htmx:beforeSwap", () => {
    hadFocus = currentJob().contains(document.activeElement);
  });
  // A poll's error is a lost connection, not news for the error place; unless the job itself is gone.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { isError, requestConfig, xhr } = event.detail;
    if (requestConfig.elt !== currentJob()) return;
    if (isError) event.detail.shouldSwap = GONE.has(xhr.status);
    else if (isHeld()) {
      event.detail.shouldSwap = false;
      retryLater(HELD_MS);
    }
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id !== "job") return;
    clearTimeout(retryTimer);
    showConnection(false);
    tell();
    enhanceResult();
    if (hadFocus) keepFocus();
  });
  document.addEventListener("htmx:sendError", onLost);
  document.addEventListener("htmx:timeout", onLost);
  document.addEventListener("htmx:responseError", onRefused);
}
