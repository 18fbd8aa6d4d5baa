import { partsOf } from "./parts.js";

const CHANGES = new Set(["post", "put", "patch", "delete"]);

/** The request that went wrong, as htmx describes it. */
let failed = null;

function currentError() {
  return document.getElementById("error");
}

/** The page's first place is for what nobody pressed; a part of it that can fail names one of its own. */
function moveTo(asker) {
  const own = asker?.closest("[data-alert]");
  const place = own ? document.getElementById(own.dataset.alert) : document.querySelector("[role=alert]");
  place.append(currentError());
}

/** Put a sentence in the page's error place; an empty one clears it. "Try again" is for what `mayRetry`. */
export function showError(sentence, { asker = null, mayRetry = false } = {}) {
  const place = currentError();
  if (!place) return;
  moveTo(asker);
  const { retry, anew } = partsOf(place);
  place.querySelector("p").textContent = sentence;
  retry.hidden = !mayRetry;
  anew.hidden = true;
  place.hidden = !sentence;
  if (sentence) place.scrollIntoView({ block: "nearest" });
}

/** True for what a person does; polls, and what the page asks by itself, are not. */
function isPressed({ verb, triggeringEvent }) {
  return CHANGES.has(verb) && triggeringEvent?.type !== "rest";
}

/** What was pressed is pressed once more, and has the focus again; what was chosen since counts. */
function retry({ elt, triggeringEvent }) {
  const button = triggeringEvent.submitter ?? (elt.matches("button") ? elt : null);
  if (button) {
    button.focus({ preventScroll: true });
    button.click();
  } else window.htmx.trigger(elt, triggeringEvent.type);
}

export function showErrors() {
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { isError, serverResponse, requestConfig, xhr } = event.detail;
    if (!isError || !event.detail.shouldSwap) return;
    const asker = isPressed(requestConfig) ? requestConfig.elt : null;
    if (asker) failed = requestConfig;
    // A person need not hear that the page could not do something by itself, and will do it again; nor the same again.
    const isUnwanted = xhr.status >= 500 || xhr.status === 429 || !currentError().hidden;
    if (!asker && isUnwanted) event.detail.shouldSwap = false;
    // A proxy in front answers with its own page (413, 502): say a sentence instead of swapping that in.
    else if (!serverResponse.includes('id="error"')) {
      event.detail.shouldSwap = false;
      showError(document.body.dataset.unclear, { asker, mayRetry: Boolean(asker) });
    } else moveTo(asker);
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id !== "error") return;
    // A clip chosen anew gets what was chosen for this one.
    partsOf(currentError()).anew.search = location.search;
    currentError().scrollIntoView({ block: "nearest" });
  });

  // What a person does anew makes the old complaint stale; a poll does not.
  document.addEventListener("htmx:beforeRequest", (event) => {
    const { requestConfig } = event.detail;
    if (isPressed(requestConfig)) showError("", { asker: requestConfig.elt });
  });

  document.addEventListener("htmx:sendError", (event) => {
    const { requestConfig } = event.detail;
    if (!isPressed(requestConfig)) return;
    failed = requestConfig;
    showError(document.body.dataset.broken, { asker: requestConfig.elt, mayRetry: true });
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("#error [data-part=retry]")) retry(failed);
  });

  // htmx keeps back a form that is not filled in right, and says nothing: the browser tells, where it can be seen.
  document.addEventListener("htmx:validation:halted", (event) => event.detail.elt.closest("form")?.reportValidity());
  document.addEventListener(
    "invalid",
    (event) => {
      const folded = event.target.closest("details:not([open])");
      if (folded) folded.open = true;
    },
    true,
  );
}
