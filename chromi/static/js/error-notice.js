import { partsOf } from "./dom.js";

const CHANGING_METHODS = new Set(["post", "put", "patch", "delete"]);

function errorNotice() {
  return document.getElementById("error");
}

/**
 * Move the notice next to the control that caused the error: the closest element with data-alert names the alert to use.
 * An error that no control caused goes to the first alert of the page.
 */
function moveNoticeTo(control) {
  const area = control?.closest("[data-alert]");
  const alert = area ? document.getElementById(area.dataset.alert) : document.querySelector("[role=alert]");
  alert.append(errorNotice());
}

/** Show a sentence in the error notice; an empty one hides it. `canRetry` shows the button "Try again". */
export function showError(sentence, { control = null, canRetry = false } = {}) {
  const notice = errorNotice();
  if (!notice) return;
  moveNoticeTo(control);
  const { retry, choose_clip: chooseClip } = partsOf(notice);
  notice.querySelector("p").textContent = sentence;
  retry.hidden = !canRetry;
  chooseClip.hidden = true;
  notice.hidden = !sentence;
  if (sentence) notice.scrollIntoView({ block: "nearest" });
}

/** Load another page in place of the one shown. Its script shows the error; the chosen settings stay in the query. */
export function reloadWithError(url, error) {
  history.replaceState({ error }, "", url + location.search);
  location.reload();
}

/** Show the error that this page was loaded with, once. */
export function showErrorOfReload() {
  const { error } = history.state ?? {};
  if (!error) return;
  history.replaceState(null, "");
  showError(error);
}

/** True for a request that a person started; polls and automatic analyses of the clip are not. */
function isUserAction({ verb, triggeringEvent }) {
  return CHANGING_METHODS.has(verb) && triggeringEvent?.type !== "options-settled";
}

/** Press the same button again and give it the focus. The form is sent as it is now. */
function repeat({ elt, triggeringEvent }) {
  const pressed = triggeringEvent.submitter ?? (elt.matches("button") ? elt : null);
  if (!pressed) {
    window.htmx.trigger(elt, triggeringEvent.type);
    return;
  }
  // A poll may have replaced the button meanwhile, or removed it with a job that has ended.
  const button = pressed.isConnected ? pressed : document.getElementById(pressed.id);
  if (!button) {
    showError("");
    return;
  }
  button.focus({ preventScroll: true });
  button.click();
}

/** Shows what went wrong with htmx requests, and repeats the last failed one for "Try again". */
class ErrorWatcher {
  /** The last failed request that a person started, as htmx describes it. */
  #failedRequest = null;

  start() {
    document.addEventListener("htmx:beforeSwap", (event) => this.#onBeforeSwap(event));
    document.addEventListener("htmx:sendError", (event) => this.#onSendError(event));
    document.addEventListener("click", (event) => {
      if (event.target.closest("#error [data-part=retry]")) repeat(this.#failedRequest);
    });
  }

  #onBeforeSwap({ detail }) {
    const { isError, serverResponse, requestConfig, xhr } = detail;
    if (!isError || !detail.shouldSwap) return;
    const control = isUserAction(requestConfig) ? requestConfig.elt : null;
    if (control) this.#failedRequest = requestConfig;
    // Failures of automatic requests that will be repeated are not shown, nor a second message over the first.
    const isUnwanted = xhr.status >= 500 || xhr.status === 429 || !errorNotice().hidden;
    if (!control && isUnwanted) detail.shouldSwap = false;
    // A proxy's own error page (413, 502) is not swapped in; a sentence is shown instead.
    else if (!serverResponse.includes('id="error"')) {
      detail.shouldSwap = false;
      showError(document.body.dataset.unclear, { control, canRetry: Boolean(control) });
    } else moveNoticeTo(control);
  }

  #onSendError({ detail }) {
    const { requestConfig } = detail;
    if (!isUserAction(requestConfig)) return;
    this.#failedRequest = requestConfig;
    showError(document.body.dataset.broken, { control: requestConfig.elt, canRetry: true });
  }
}

function onAfterSwap({ detail }) {
  if (detail.target.id !== "error") return;
  // A newly chosen clip gets the settings of this one.
  partsOf(errorNotice()).choose_clip.search = location.search;
  errorNotice().scrollIntoView({ block: "nearest" });
}

/** A new action makes the old error obsolete; a poll does not. */
function clearOnUserAction({ detail }) {
  const { requestConfig } = detail;
  if (isUserAction(requestConfig)) showError("", { control: requestConfig.elt });
}

function openDetailsOf({ target }) {
  const details = target.closest("details:not([open])");
  if (details) details.open = true;
}

/** Show errors of htmx requests and of invalid fields. */
export function watchErrors() {
  new ErrorWatcher().start();
  document.addEventListener("htmx:afterSwap", onAfterSwap);
  document.addEventListener("htmx:beforeRequest", clearOnUserAction);
  // htmx silently stops a form with invalid fields: the browser reports them, once they are visible.
  document.addEventListener("htmx:validation:halted", (event) => event.detail.elt.closest("form")?.reportValidity());
  document.addEventListener("invalid", openDetailsOf, true);
}
