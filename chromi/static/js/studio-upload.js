import { announce } from "./announcer.js";
import { partsOf } from "./dom.js";
import { reloadWithError } from "./error-notice.js";
import { fill, megabytes, percent } from "./format.js";
import { GONE, RequestRefused, request } from "./request.js";
import { Retrier } from "./retry.js";
import { deleteUpload, sendFile } from "./tus-client.js";

/** The class that htmx gives to an element while its request is pending. */
const PENDING = "htmx-request";

/** Holds back the studio's requests until the server has the clip. */
class RequestHold {
  #studio;
  #message;
  /** Functions that send a held request, by its element. */
  #held = new Map();
  #onConfirm = (event) => this.#hold(event);

  /** `message` is shown while a request is held. */
  constructor(studio, message) {
    this.#studio = studio;
    this.#message = message;
    studio.addEventListener("htmx:confirm", this.#onConfirm);
  }

  /** Hold no further requests. */
  end() {
    this.#studio.removeEventListener("htmx:confirm", this.#onConfirm);
    this.cancel();
  }

  sendHeld() {
    for (const send of this.#held.values()) send(true);
  }

  /** Show the held requests as not pending. */
  cancel() {
    this.#message.hidden = true;
    for (const element of this.#held.keys()) element.classList.remove(PENDING);
  }

  #hold(event) {
    const { elt: element, issueRequest } = event.detail;
    event.preventDefault();
    this.#held.set(element, issueRequest);
    element.classList.add(PENDING);
    const { background, other } = this.#message.dataset;
    this.#message.textContent = element.matches("form") ? background : other;
    this.#message.hidden = false;
    announce(this.#message.textContent);
  }
}

/** Uploads the file while the studio is in use, and shows the progress in the action bar. */
class StudioUpload {
  #studio;
  #file;
  #upload;
  #bar;
  #parts;
  #hold;
  #retrier;
  #abortController = new AbortController();

  constructor(studio, file, upload) {
    this.#studio = studio;
    this.#file = file;
    this.#upload = upload;
    this.#bar = studio.querySelector("#uploading");
    this.#parts = partsOf(this.#bar);
    this.#hold = new RequestHold(studio, this.#parts.upload_pending);
    const defaultMessage = this.#parts.upload_connection_lost.textContent;
    const onFailure = (sentence) => {
      this.#parts.upload_connection_lost.textContent = sentence || defaultMessage;
      this.#showState("lost");
    };
    this.#retrier = new Retrier({ onFailure, signal: this.#signal });
  }

  get #signal() {
    return this.#abortController.signal;
  }

  connectButtons(openStudio) {
    const { upload_retry: retry, upload_restart: restart, upload_cancel: cancel } = this.#parts;
    retry.addEventListener("click", () => this.#retrier.retryNow());
    restart.addEventListener("click", () => {
      this.#showState("sending");
      openStudio({ retrier: this.#retrier, signal: this.#signal }).catch((error) => this.#onFailed(error));
    });
    cancel.addEventListener("click", () => {
      this.#abortController.abort();
      deleteUpload(this.#upload.uploadUrl);
      location.assign(this.#bar.dataset.home);
    });
  }

  async run() {
    // Announced before the first bytes are sent: later it could interrupt what the person is doing by then.
    this.#showState("sending");
    try {
      await this.#send();
    } catch (error) {
      this.#onFailed(error);
    }
  }

  async #send() {
    const signal = this.#signal;
    const onProgress = (bytes) => this.#showProgress(bytes);
    await sendFile(this.#file, this.#upload.uploadUrl, { retrier: this.#retrier, onProgress, signal });
    const response = await this.#retrier.run(() => request("GET", this.#upload.pageUrl, { signal }));
    const { info, video_url: videoUrl } = JSON.parse(response.responseText);
    this.#hold.end();
    this.#studio.dispatchEvent(new CustomEvent("chromi:uploaded", { detail: { info, videoUrl } }));
    this.#showState("done");
    document.addEventListener("htmx:beforeSwap", (event) => this.#onBeforeSwap(event), { signal });
    this.#hold.sendHeld();
  }

  /** Show the elements whose data-states include the state, and hide the others. */
  #showState(state) {
    const bar = this.#bar;
    if (bar.dataset.state === state) return;
    const focused = document.activeElement;
    bar.dataset.state = state;
    for (const element of bar.querySelectorAll("[data-states]")) {
      element.hidden = !element.dataset.states.split(" ").includes(state);
    }
    if (bar.contains(focused) && focused.closest("[hidden]")) bar.focus();
    announce(bar.querySelector("p [data-states]:not([hidden])").textContent.trim());
  }

  #showProgress(bytes) {
    const totalBytes = this.#file.size;
    const sentBytes = Math.min(bytes, totalBytes); // the browser counts request headers, too
    const percentage = Math.floor((100 * sentBytes) / totalBytes);
    this.#parts.upload_bar.value = percentage;
    const values = { sent: megabytes(sentBytes), all: megabytes(totalBytes), percent: percent(percentage / 100) };
    this.#parts.upload_amount.textContent = fill(this.#bar.dataset.amount, values);
    this.#showState(sentBytes === totalBytes ? "checking" : "sending");
  }

  /** The server deletes a clip that was not used for a while, even under an open page; the file can be sent again. */
  #onBeforeSwap({ detail }) {
    const { requestConfig, xhr } = detail;
    if (!GONE.has(xhr.status) || requestConfig.verb === "get" || !this.#studio.contains(requestConfig.elt)) return;
    detail.shouldSwap = false;
    this.#onFailed(new RequestRefused(xhr.status, ""));
  }

  /** Return to the start page with the reason, or offer to upload an expired clip again. Rethrows unexpected errors. */
  #onFailed(error) {
    if (this.#signal.aborted) return;
    const { home, unclear, unreadable } = this.#bar.dataset;
    // A DOMException means that the file was moved or changed, so the browser cannot read it any more.
    if (error instanceof DOMException) reloadWithError(home, unreadable);
    else if (!(error instanceof RequestRefused)) throw error;
    else if (GONE.has(error.status)) this.#showExpired();
    else reloadWithError(home, error.sentence ? `${this.#file.name}: ${error.sentence}` : unclear);
  }

  #showExpired() {
    for (const button of this.#studio.querySelectorAll("form button:not([type=button])")) button.disabled = true;
    this.#hold.cancel();
    if (document.activeElement.disabled) this.#bar.focus();
    this.#showState("expired");
  }
}

/**
 * Upload the clip's file while the studio is in use. The studio gets "chromi:uploaded" with { info, videoUrl } at the end.
 * A file that cannot be used leads back to the start page.
 * @param {function(object): Promise<void>} openStudio starts a new upload of the same file
 */
export function uploadFromStudio(studio, file, upload, openStudio) {
  const studioUpload = new StudioUpload(studio, file, upload);
  studioUpload.connectButtons(openStudio);
  return studioUpload.run();
}
