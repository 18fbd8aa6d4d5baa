import { announce } from "./announcer.js";
import { pageLoaded, partsOf } from "./dom.js";
import { showError } from "./error-notice.js";
import { acceptFiles } from "./file-drop.js";
import { fill, megabytes } from "./format.js";
import { prefersReducedMotion, showImage } from "./reduced-motion.js";
import { GONE, RequestRefused, TemporaryFailure } from "./request.js";
import { Retrier } from "./retry.js";

const FILE_NAMES = /\.(mp4|m4v|mov|webm|mkv|gif)$/i;
const MEDIA_TYPES = /^(video\/(mp4|quicktime|webm|x-matroska|x-m4v)|image\/gif)$/;

/**
 * Return why this file cannot be uploaded, or an empty string.
 * @param {File} file
 * @param {object} dataset the upload form's: limits and sentences
 */
function problemWith(file, { maxBytes, sizeBytes, ...sentences }) {
  const values = { name: file.name, size: megabytes(file.size), limit: megabytes(maxBytes), first: megabytes(sizeBytes) };
  if (!FILE_NAMES.test(file.name) && !MEDIA_TYPES.test(file.type)) return fill(sentences.wrongType, values);
  if (file.size === 0) return fill(sentences.empty, values);
  if (file.size > maxBytes) return fill(sentences.tooLarge, values);
  if (sizeBytes && file.size !== Number(sizeBytes)) return fill(sentences.otherFile, values);
  return "";
}

/** Return the clip that a file is: { file, localUrl, localType }. */
function clipOf(file) {
  const localType = /\.gif$/i.test(file.name) ? "image/gif" : file.type;
  return { file, localUrl: URL.createObjectURL(file), localType };
}

/**
 * Load the studio's modules, which are twice as large as this page's own, once this page has loaded.
 * Rejects with TemporaryFailure or the signal's reason.
 */
async function loadStudioModule(signal) {
  await pageLoaded;
  signal?.throwIfAborted();
  try {
    return await import("./open-studio.js");
  } catch (error) {
    throw error instanceof TypeError ? new TemporaryFailure("") : error;
  }
}

/** Return an element that plays the clip; it removes itself if the browser cannot. */
function createPreview({ localUrl, localType }) {
  const isGif = localType === "image/gif";
  const preview = document.createElement(isGif ? "img" : "video");
  if (isGif) preview.alt = "";
  else Object.assign(preview, { muted: true, loop: true, playsInline: true, autoplay: !prefersReducedMotion() });
  preview.addEventListener("error", () => preview.remove());
  if (isGif) showImage(preview, localUrl);
  else preview.src = localUrl;
  return preview;
}

/** The form that chooses a clip. It is idle, or it is opening the studio for a clip. */
class UploadForm {
  #form;
  #parts;
  #input;
  #preview = null;
  #localUrl = "";
  #defaultLostMessage;
  #abortController = null;
  #retrier = null;

  constructor(form) {
    this.#form = form;
    this.#parts = partsOf(form);
    this.#input = form.elements.video;
    this.#defaultLostMessage = this.#parts.connection_lost.textContent;
  }

  enhance() {
    const { submit, retry_now: retryNow, cancel } = this.#parts;
    this.#form.classList.add("enhanced");
    submit.hidden = true;
    this.#input.addEventListener("change", () => {
      if (this.#input.files[0]) this.#onFile(this.#input.files[0]);
    });
    retryNow.addEventListener("click", () => this.#retrier.retryNow());
    cancel.addEventListener("click", () => this.#cancel());
    acceptFiles({
      onFile: (file) => this.#onFile(file),
      setHighlight: (isOn) => this.#parts.drop_area.classList.toggle("dragging", isOn),
      isBusy: () => this.#parts.drop_area.inert || !this.#form.isConnected,
    });
  }

  #onFile(file) {
    const problem = problemWith(file, this.#form.dataset);
    if (problem) {
      this.#reset(problem);
      return;
    }
    const clip = clipOf(file);
    announce(""); // so that a second "Upload canceled" is announced
    showError("");
    this.#showState(clip);
    this.#parts.cancel.focus();
    this.#openStudio(clip);
  }

  async #openStudio(clip) {
    this.#abortController = new AbortController();
    const { signal } = this.#abortController;
    const retrier = new Retrier({ onFailure: (sentence) => this.#showConnectionLost(sentence), signal });
    this.#retrier = retrier;
    try {
      const { openStudio } = await retrier.run(() => loadStudioModule(signal));
      await openStudio(this.#form, clip, { unfinishedUpload: this.#unfinishedUpload, retrier, signal });
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof RequestRefused) this.#onRefused(clip, error);
      else if (error instanceof DOMException) this.#reset(this.#form.dataset.unreadable);
      else throw error;
    }
  }

  /** The upload that this page continues, if it is an unfinished upload's page. */
  get #unfinishedUpload() {
    const { uploadUrl, pageUrl } = this.#form.dataset;
    return uploadUrl ? { uploadUrl, pageUrl } : null;
  }

  #onRefused(clip, { status, sentence }) {
    const { dataset } = this.#form;
    if (GONE.has(status) && dataset.uploadUrl) {
      // The server has deleted the unfinished upload; the file is here, so it starts again.
      for (const name of ["uploadUrl", "pageUrl", "sizeBytes"]) delete dataset[name];
      this.#openStudio(clip);
    } else this.#reset(sentence || dataset.unclear);
  }

  #cancel() {
    this.#abortController.abort();
    this.#reset("");
    announce(this.#form.dataset.cancelled);
  }

  /** Return to the idle state with an error message, or without one. The field gets the focus of "Cancel". */
  #reset(message) {
    const hadFocus = this.#parts.opening.contains(document.activeElement);
    this.#showState(null);
    this.#input.value = "";
    if (hadFocus) this.#input.focus();
    showError(message);
  }

  /** Show the form as opening the studio for a clip, or as idle for null. */
  #showState(clip) {
    const parts = this.#parts;
    this.#form.dataset.state = clip ? "opening" : "idle";
    parts.idle.hidden = Boolean(clip);
    parts.opening.hidden = !clip;
    parts.connection_lost.hidden = parts.retry_now.hidden = true;
    parts.drop_area.inert = Boolean(clip);
    parts.file_name.textContent = clip ? clip.file.name : "";
    this.#preview?.remove();
    this.#preview = clip ? createPreview(clip) : null;
    URL.revokeObjectURL(this.#localUrl);
    this.#localUrl = clip?.localUrl ?? "";
    if (this.#preview) this.#form.querySelector(".media-frame").append(this.#preview);
  }

  #showConnectionLost(sentence) {
    const { connection_lost: message, retry_now: retryNow, cancel } = this.#parts;
    message.textContent = sentence || this.#defaultLostMessage;
    message.hidden = retryNow.hidden = false;
    if (document.activeElement === cancel) retryNow.focus();
    announce(message.textContent.trim());
  }
}

/** Returns a promise that resolves when the studio's modules have been loaded in advance, or could not be. */
export function enhanceUploadForm(form) {
  new UploadForm(form).enhance();
  return loadStudioModule().catch(() => {}); // loaded again when it is needed
}
