import { announce } from "./announce.js";
import { showError } from "./errors.js";
import { partsOf } from "./parts.js";
import { createPersistence } from "./persist.js";
import { GONE, Refused, request } from "./request.js";
import { dropUpload, sendFile } from "./transfer.js";
import { fill, megabytes, percent } from "./words.js";

/** Show what data-when names for a state, and hide the rest. Returns a function that changes the state. */
function statesOf(bar) {
  return (state) => {
    if (bar.dataset.state === state) return;
    const focused = document.activeElement;
    bar.dataset.state = state;
    for (const element of bar.querySelectorAll("[data-when]")) {
      element.hidden = !element.dataset.when.split(" ").includes(state);
    }
    if (bar.contains(focused) && focused.closest("[hidden]")) bar.focus();
    announce(bar.querySelector("p [data-when]:not([hidden])").textContent.trim());
  };
}

/** Keep what the studio asks of the server back until the clip is there. Returns a function that lets it go. */
function holdRequests(studio, sentence) {
  const held = new Map();
  const hold = (event) => {
    event.preventDefault();
    held.set(event.detail.elt, event.detail.issueRequest);
    sentence.hidden = false;
    announce(sentence.textContent.trim());
  };
  studio.addEventListener("htmx:confirm", hold);
  return () => {
    studio.removeEventListener("htmx:confirm", hold);
    sentence.hidden = true;
    for (const issue of held.values()) issue(true);
  };
}

async function askFacts(address, signal) {
  const { info, video_url: videoUrl } = JSON.parse((await request("GET", address, { signal })).responseText);
  return { info, videoUrl };
}

/** A clip is deleted when nothing was done with it for a while, even under an open page: the file is still at hand. */
function watchGone(studio, onGone, signal) {
  const look = (event) => {
    const { requestConfig, xhr } = event.detail;
    if (!GONE.has(xhr.status) || requestConfig.verb === "get" || !studio.contains(requestConfig.elt)) return;
    event.detail.shouldSwap = false;
    onGone(new Refused(xhr.status, ""));
  };
  document.addEventListener("htmx:beforeSwap", look, { signal });
}

/** Show how far it is. Returns a function that takes the bytes sent. */
function meter(bar, parts, all, show) {
  return (bytes) => {
    const sent = Math.min(bytes, all); // a request's headers count, too
    const whole = Math.floor((100 * sent) / all);
    parts.upload_bar.value = whole;
    const amount = { sent: megabytes(sent), all: megabytes(all), percent: percent(whole / 100) };
    parts.upload_amount.textContent = fill(bar.dataset.amount, amount);
    show(sent === all ? "checking" : "sending");
  };
}

/** Say why the clip will not come. Returns a function that takes the error; what is no such reason is thrown on. */
function explainer(studio, bar, show, signal) {
  return (error) => {
    if (signal.aborted) return;
    const isRefused = error instanceof Refused;
    if (!isRefused && !(error instanceof DOMException)) throw error;
    // The file was moved or changed on the disk: the browser gives it no more.
    const isGone = isRefused && GONE.has(error.status);
    if (!isGone) showError(isRefused ? error.sentence || bar.dataset.unclear : bar.dataset.unreadable);
    for (const button of studio.querySelectorAll("form button:not([type=button])")) button.disabled = true;
    if (!isGone) studio.dispatchEvent(new Event("chromi:refused"));
    partsOf(bar).upload_held.hidden = true;
    if (document.activeElement.disabled) bar.focus();
    show(isGone ? "expired" : "failed");
  };
}

/**
 * Send the file to its upload while the studio is in use, and say in the studio's bar how it goes.
 * The studio hears "chromi:uploaded" with { info, videoUrl } at the end, or "chromi:refused". `startOver` begins a new
 * upload.
 */
export async function uploadFromStudio(studio, file, { uploadUrl, pageUrl }, startOver) {
  const bar = studio.querySelector("#uploading");
  const parts = partsOf(bar);
  const ending = new AbortController();
  const { signal } = ending;
  const show = statesOf(bar);
  const explain = explainer(studio, bar, show, signal);
  const letGo = holdRequests(studio, parts.upload_held);
  const lost = parts.upload_lost.textContent;
  show("sending"); // at once: with the first bytes' news it would drown what the person did meanwhile
  const onLost = (sentence) => {
    parts.upload_lost.textContent = sentence || lost;
    show("lost");
  };
  const persistence = createPersistence({ onLost, signal });

  parts.upload_again.addEventListener("click", persistence.hurry);
  parts.upload_over.addEventListener("click", () => {
    show("sending");
    startOver({ persistence, signal }).catch(explain);
  });
  parts.upload_cancel.addEventListener("click", () => {
    ending.abort();
    dropUpload(uploadUrl);
    location.assign(bar.dataset.home);
  });

  try {
    const onProgress = meter(bar, parts, file.size, show);
    await sendFile(file, uploadUrl, { persistence, onProgress, signal });
    const detail = await persistence.keepTrying(() => askFacts(pageUrl, signal));
    studio.dispatchEvent(new CustomEvent("chromi:uploaded", { detail }));
    show("done");
    watchGone(studio, explain, signal);
    letGo();
  } catch (error) {
    explain(error);
  }
}
