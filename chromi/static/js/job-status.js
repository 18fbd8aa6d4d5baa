import { announce } from "./announcer.js";
import { playChosenLoop } from "./chosen-loop.js";
import { enhanceCompare } from "./compare.js";
import { partsOf } from "./dom.js";
import { rememberBackground, rememberUnfinishedBackground } from "./my-backgrounds.js";
import { enhanceNewTabPreview } from "./new-tab-preview.js";
import { GONE } from "./request.js";

const RETRY_MS = 3000;
const PRESSED_RETRY_MS = 200;

function jobElement() {
  return document.getElementById("job");
}

/** Show the state in the tab's title and icon, and announce it. */
function showState() {
  const job = jobElement();
  document.title = job.dataset.title;
  const icon = document.querySelector('link[rel="icon"]');
  if (icon.getAttribute("href") !== job.dataset.icon) icon.href = job.dataset.icon;
  const { announcement, return_note: returnNote } = partsOf(job);
  announce(announcement.textContent.trim());
  if (returnNote) rememberUnfinishedBackground(returnNote);
  // The bar without a value goes on where the one that it replaces was.
  for (const animation of document.getElementById("job_bar")?.getAnimations() ?? []) animation.startTime = 0;
  playChosenLoop();
}

function enhanceResult() {
  const enhancers = { result: rememberBackground, newtab: enhanceNewTabPreview, compare: enhanceCompare };
  for (const [id, enhance] of Object.entries(enhancers)) {
    const element = document.getElementById(id);
    if (element) enhance(element);
  }
}

function connectionNotice() {
  return document.getElementById("connection");
}

/** Show or hide the notice. The job's announcement gets the focus of the button that is hidden. */
function showConnectionLost(isLost) {
  const notice = connectionNotice();
  const hadFocus = notice.contains(document.activeElement);
  notice.hidden = !isLost;
  if (!isLost && hadFocus) focusAnnouncement();
}

/** A button that is replaced between mousedown and mouseup gets no click. */
function isButtonPressed() {
  return jobElement().querySelector(":active") !== null;
}

function isUnfinished(element) {
  return jobElement().contains(element) && jobElement().hasAttribute("hx-get");
}

function focusAnnouncement() {
  const { announcement } = partsOf(jobElement());
  announcement.tabIndex = -1;
  announcement.focus();
}

/** Focus the announcement if the focused button was removed with the old fragment. */
function restoreFocus() {
  if (document.activeElement === document.body) focusAnnouncement();
}

/** Keeps the fragment's polling going, and the page up to date with it. */
class JobStatus {
  #retryTimer = 0;
  #hadFocus = false;

  start() {
    showState();
    enhanceResult();
    partsOf(connectionNotice()).retry_now.addEventListener("click", () => this.#retryLater(0));
    document.addEventListener("htmx:beforeSwap", (event) => this.#onBeforeSwap(event));
    document.addEventListener("htmx:afterSwap", (event) => this.#onAfterSwap(event));
    document.addEventListener("htmx:sendError", (event) => this.#onConnectionLost(event));
    document.addEventListener("htmx:timeout", (event) => this.#onConnectionLost(event));
    document.addEventListener("htmx:responseError", (event) => this.#onErrorResponse(event));
  }

  /** The fragment polls by its own request, so a lost response ends the polling: trigger it again. */
  #retryLater(delayMs = RETRY_MS) {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => window.htmx.trigger(jobElement(), "retry"), delayMs);
  }

  #onBeforeSwap({ detail }) {
    this.#hadFocus = jobElement().contains(document.activeElement);
    if (detail.requestConfig.elt !== jobElement()) return;
    // A failed poll counts as a lost connection and is not shown as an error, unless the job itself is gone.
    if (detail.isError) detail.shouldSwap = GONE.has(detail.xhr.status);
    else if (isButtonPressed()) {
      detail.shouldSwap = false;
      this.#retryLater(PRESSED_RETRY_MS);
    }
  }

  #onAfterSwap({ detail }) {
    if (detail.target.id !== "job") return;
    clearTimeout(this.#retryTimer);
    showConnectionLost(false);
    showState();
    enhanceResult();
    if (this.#hadFocus) restoreFocus();
  }

  #onConnectionLost({ target }) {
    if (!isUnfinished(target)) return;
    showConnectionLost(true);
    this.#retryLater();
  }

  #onErrorResponse({ target, detail }) {
    if (!isUnfinished(target)) return;
    const isPoll = target === jobElement();
    const isGone = isPoll && GONE.has(detail.xhr.status);
    showConnectionLost(isPoll && !isGone);
    if (!isGone) this.#retryLater();
  }
}

export function watchJob() {
  new JobStatus().start();
}
