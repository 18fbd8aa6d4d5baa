import { announce } from "./announce.js";
import { showError } from "./errors.js";
import { moveGround, showPicture } from "./motion.js";
import { partsOf } from "./parts.js";
import { createPersistence } from "./persist.js";
import { GONE, Interrupted, Refused } from "./request.js";
import { takeFiles } from "./take.js";
import { fill, megabytes } from "./words.js";

const TAKEN_NAMES = /\.(mp4|m4v|mov|webm|mkv|gif)$/i;
const TAKEN_TYPES = /^(video\/(mp4|quicktime|webm|x-matroska|x-m4v)|image\/gif)$/;

const isLoaded = new Promise((resolve) => {
  if (document.readyState === "complete") resolve();
  else addEventListener("load", resolve, { once: true });
});

/** Why this file cannot be sent, or an empty sentence. */
function refusal(file, { maxBytes, sizeBytes, ...sentences }) {
  const values = { name: file.name, size: megabytes(file.size), limit: megabytes(maxBytes), first: megabytes(sizeBytes) };
  if (!TAKEN_NAMES.test(file.name) && !TAKEN_TYPES.test(file.type)) return fill(sentences.wrongType, values);
  if (file.size === 0) return fill(sentences.empty, values);
  if (file.size > maxBytes) return fill(sentences.tooLarge, values);
  if (sizeBytes && file.size !== Number(sizeBytes)) return fill(sentences.otherFile, values);
  return "";
}

function typeOf(file) {
  return /\.gif$/i.test(file.name) ? "image/gif" : file.type;
}

/** Play the chosen clip where it is going to be: behind the tab. */
function previewIn(stage) {
  let picture = null;
  return (clip) => {
    picture?.remove();
    picture = null;
    if (!clip) return;
    const isGif = clip.localType === "image/gif";
    picture = document.createElement(isGif ? "img" : "video");
    if (isGif) picture.alt = "";
    else {
      const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
      Object.assign(picture, { muted: true, loop: true, playsInline: true, autoplay: !isStill });
    }
    picture.addEventListener("error", (event) => event.target.remove());
    if (isGif) showPicture(picture, clip.localUrl);
    else picture.src = clip.localUrl;
    stage.append(picture);
  };
}

/** The form's two faces: idle, or opening the studio for a clip. */
function facesOf(form, parts) {
  const preview = previewIn(form.querySelector(".stage"));
  return (clip) => {
    form.dataset.face = clip ? "opening" : "idle";
    parts.idle.hidden = Boolean(clip);
    parts.opening.hidden = !clip;
    parts.lost.hidden = parts.again.hidden = true;
    parts.drop.inert = Boolean(clip);
    parts.name.textContent = clip ? clip.file.name : "";
    preview(clip);
  };
}

/** Tell that the service does not answer; `sentence` is its own, where it had one. */
function lossOf(parts) {
  const usual = parts.lost.textContent;
  return (sentence) => {
    parts.lost.textContent = sentence || usual;
    parts.lost.hidden = parts.again.hidden = false;
    announce(parts.lost.textContent.trim());
  };
}

/**
 * The studio's script, as large again as this page's own: it comes once this page is there.
 * Rejects with Interrupted or the signal's reason.
 */
async function fetchStudio(signal) {
  await isLoaded;
  signal?.throwIfAborted();
  try {
    return await import("./enter.js");
  } catch (error) {
    throw error instanceof TypeError ? new Interrupted("") : error;
  }
}

/** The upload whose page this is, where it is one's. */
function placeOf({ uploadUrl, pageUrl }) {
  return uploadUrl ? { uploadUrl, pageUrl } : null;
}

export function enhanceUpload(form) {
  const parts = partsOf(form);
  const input = form.elements.video;
  const show = facesOf(form, parts);
  const onLost = lossOf(parts);
  let ending = null;
  let persistence = null;
  form.classList.add("enhanced");
  parts.submit.hidden = true;
  const fetched = fetchStudio().catch(() => {}); // it is asked for again when it is needed
  if (parts.ground) moveGround(parts, fetched);

  const reset = (sentence) => {
    show(null);
    input.value = "";
    showError(sentence);
  };
  const refuse = (clip, { status, sentence }) => {
    if (GONE.has(status) && form.dataset.uploadUrl) {
      // What was here of it has been deleted: begin anew, as the file is at hand.
      for (const name of ["uploadUrl", "pageUrl", "sizeBytes"]) delete form.dataset[name];
      open(clip);
    } else reset(sentence || form.dataset.unclear);
  };
  const open = async (clip) => {
    ending = new AbortController();
    const { signal } = ending;
    persistence = createPersistence({ onLost, signal });
    try {
      const { openStudio } = await persistence.keepTrying(() => fetchStudio(signal));
      await openStudio(form, clip, { place: placeOf(form.dataset), persistence, signal });
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refused) refuse(clip, error);
      else if (error instanceof DOMException) reset(form.dataset.unreadable);
      else throw error;
    }
  };
  const take = (file) => {
    const reason = refusal(file, form.dataset);
    if (reason) {
      reset(reason);
      return;
    }
    const clip = { file, localUrl: URL.createObjectURL(file), localType: typeOf(file) };
    showError("");
    show(clip);
    parts.cancel.focus();
    open(clip);
  };

  input.addEventListener("change", () => {
    if (input.files[0]) take(input.files[0]);
  });
  parts.again.addEventListener("click", () => persistence.hurry());
  parts.cancel.addEventListener("click", () => {
    ending.abort();
    reset("");
    input.focus();
    announce(form.dataset.cancelled);
  });
  takeFiles({
    take,
    light: (on) => parts.drop.classList.toggle("dragging", on),
    isBusy: () => parts.drop.inert || !form.isConnected,
  });
}
