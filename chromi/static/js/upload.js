import { announce } from "./announce.js";
import { showError } from "./errors.js";
import { partsOf } from "./parts.js";

const TAKEN = /\.(mp4|m4v|mov|webm|mkv|gif)$/i;
const WRONG_FILE = new Set([400, 413, 415, 422]);

function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Why this file cannot be sent, or null. */
function refusal(file, maxBytes) {
  if (!TAKEN.test(file.name)) {
    return `“${file.name}” is not a kind of video that Chromi takes. Use an MP4, MOV, WebM, MKV or GIF file.`;
  }
  if (file.size === 0) return `“${file.name}” is empty. Choose another file.`;
  if (file.size > maxBytes) {
    return `“${file.name}” has ${megabytes(file.size)}; at most ${megabytes(maxBytes)} can be sent. Cut it shorter first.`;
  }
  return null;
}

/** Play the chosen clip where it is going to be: behind the tab. */
function previewIn(stage) {
  let picture = null;
  return (file) => {
    if (picture) {
      URL.revokeObjectURL(picture.src);
      picture.remove();
      picture = null;
    }
    if (!file) return;
    const isGif = /\.gif$/i.test(file.name);
    picture = document.createElement(isGif ? "img" : "video");
    if (isGif) picture.alt = "";
    else {
      const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
      Object.assign(picture, { muted: true, loop: true, playsInline: true, autoplay: !isStill });
    }
    picture.addEventListener("error", (event) => event.target.remove());
    picture.src = URL.createObjectURL(file);
    stage.append(picture);
  };
}

/** The form's three faces: idle, sending, failed. */
function facesOf(form, parts, preview) {
  return (face, file) => {
    for (const name of ["idle", "sending", "failed"]) parts[name].hidden = name !== face;
    // Inert, not disabled: a disabled field would not be sent.
    parts.drop.inert = face === "sending";
    form.dataset.face = face;
    preview(face === "idle" ? null : file);
    if (file) parts.name.textContent = parts.kept.textContent = file.name;
  };
}

function takeDrops(parts, input, send) {
  const carriesFile = (event) => event.dataTransfer?.types.includes("Files");
  const light = (on) => parts.drop.classList.toggle("dragging", on);
  // The whole page takes the drop: a near miss would otherwise open the video and leave the page.
  document.addEventListener("dragover", (event) => {
    if (!carriesFile(event)) return;
    event.preventDefault();
    light(!parts.drop.inert);
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) light(false);
  });
  document.addEventListener("drop", (event) => {
    if (!carriesFile(event)) return;
    event.preventDefault();
    light(false);
    if (parts.drop.inert || event.dataTransfer.files.length === 0) return;
    const transfer = new DataTransfer();
    transfer.items.add(event.dataTransfer.files[0]);
    input.files = transfer.files;
    send();
  });
}

function showProgress(parts, event) {
  if (!event.lengthComputable) return;
  const percent = Math.floor((100 * event.loaded) / event.total);
  parts.bar.value = percent;
  const isSent = event.loaded >= event.total;
  parts.amount.textContent = isSent
    ? "Checking your clip…"
    : `${megabytes(event.loaded)} of ${megabytes(event.total)}, ${percent} %`;
  if (isSent) announce("Checking your clip…");
}

export function enhanceUpload(form) {
  const parts = partsOf(form);
  const input = form.elements.video;
  const show = facesOf(form, parts, previewIn(form.querySelector(".stage")));
  form.classList.add("enhanced");
  parts.submit.hidden = true;

  const reset = () => {
    input.value = "";
    show("idle");
  };
  const send = () => {
    const file = input.files[0];
    if (!file) return;
    const reason = refusal(file, Number(form.dataset.maxBytes));
    if (reason) reset();
    showError(reason ?? "");
    if (!reason) form.requestSubmit();
  };
  const fail = () => {
    show("failed", input.files[0]);
    parts.again.focus();
  };

  input.addEventListener("change", send);
  takeDrops(parts, input, send);
  parts.cancel.addEventListener("click", () => window.htmx.trigger(form, "htmx:abort"));
  parts.other.addEventListener("click", () => input.click());

  form.addEventListener("htmx:beforeSend", (event) => {
    parts.bar.value = 0;
    parts.amount.textContent = "";
    show("sending", input.files[0]);
    parts.cancel.focus();
    announce("Uploading your clip");
    // Not htmx:xhr:progress: htmx fires that for the response's bytes too.
    event.detail.xhr.upload.addEventListener("progress", (progress) => showProgress(parts, progress));
  });
  form.addEventListener("htmx:sendAbort", () => {
    reset();
    input.focus();
    announce("Upload cancelled");
  });
  form.addEventListener("htmx:sendError", fail);
  form.addEventListener("htmx:responseError", (event) => {
    if (WRONG_FILE.has(event.detail.xhr.status)) reset();
    else fail();
  });
  // Coming back by the browser's Back button finds the page as it was left: sending.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) reset();
  });
}
