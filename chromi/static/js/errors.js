/** Put a sentence in the page's error place; an empty one clears it. */
export function showError(sentence) {
  const place = document.getElementById("error");
  if (!place) return;
  place.querySelector("p").textContent = sentence;
  place.hidden = !sentence;
  if (sentence) place.scrollIntoView({ block: "nearest" });
}

export function showErrors() {
  // A proxy in front answers with its own page (413, 502): say a sentence instead of swapping that in.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { isError, serverResponse } = event.detail;
    if (!isError || !event.detail.shouldSwap || serverResponse.includes('id="error"')) return;
    event.detail.shouldSwap = false;
    showError(document.body.dataset.unclear);
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id === "error") document.getElementById("error").scrollIntoView({ block: "nearest" });
  });

  // What a person does anew makes the old complaint stale; a poll does not.
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.requestConfig.verb !== "get") showError("");
  });

  document.addEventListener("htmx:sendError", (event) => {
    if (event.detail.requestConfig.verb !== "get") showError(document.body.dataset.broken);
  });
}
