import { watchEstimates } from "./estimates.js";
import { drawFilmstrip } from "./filmstrip.js";
import { partsOf } from "./parts.js";
import { fullTimecode, parseTimecode, shortTimecode } from "./timecode.js";

const NOT_A_TIME = "Write the start as hours, minutes and seconds, such as 00:00:12.4";

/** Keep the start in the address, so that reloading and coming back by the browser's button find it again. */
function rememberStart(startS) {
  const address = new URL(location.href);
  address.searchParams.set("start_time", fullTimecode(startS));
  history.replaceState(null, "", address);
}

/** Keep text field, slider and picture at the same start. Returns a function that tells it. */
function linkStart(field, parts, windowS, seek) {
  const { slider } = parts;

  const follow = (startS) => {
    const span = `${shortTimecode(startS)} – ${shortTimecode(startS + windowS)}`;
    parts.window.textContent = span;
    slider.setAttribute("aria-valuetext", `${shortTimecode(startS)} to ${shortTimecode(startS + windowS)}`);
    seek(startS);
  };
  const fromField = () => {
    const startS = parseTimecode(field.value);
    const latestS = Number(slider.max);
    const isTooLate = startS !== null && startS > latestS + 0.1;
    field.setCustomValidity(startS === null ? NOT_A_TIME : isTooLate ? `Start at ${shortTimecode(latestS)} or earlier` : "");
    if (startS === null || isTooLate) return;
    slider.value = startS;
    follow(startS);
  };

  slider.addEventListener("input", () => {
    const startS = Number(slider.value);
    field.value = fullTimecode(startS);
    field.setCustomValidity("");
    follow(startS);
  });
  field.addEventListener("input", fromField);
  for (const control of [slider, field]) {
    control.addEventListener("change", () => rememberStart(Number(slider.value)));
  }
  fromField();
  return () => parseTimecode(field.value) ?? Number(slider.value);
}

/** Loop the chosen window on a button; anything else that pauses the video resets the button. */
function loopWindow(video, button, startOf, windowS) {
  const playLabel = button.textContent;
  const watch = () => {
    if (video.paused) return;
    const startS = startOf();
    if (video.currentTime >= startS + windowS || video.currentTime < startS - 0.5) video.currentTime = startS;
    requestAnimationFrame(watch);
  };
  const toggle = () => {
    if (!video.paused) {
      video.pause();
      return;
    }
    video.currentTime = startOf();
    // Refused when the file turns out unplayable; the error event says so to the person.
    video.play().catch(() => video.pause());
  };
  button.addEventListener("click", toggle);
  video.addEventListener("click", toggle);
  video.addEventListener("play", () => {
    button.textContent = button.dataset.stop;
    watch();
  });
  video.addEventListener("pause", () => {
    button.textContent = playLabel;
  });
  // The window may end where the clip ends.
  video.addEventListener("ended", () => {
    video.currentTime = startOf();
    video.play();
  });
}

/** Chrome plays a file whose picture it cannot decode as sound alone: that counts as unplayable too. */
function noticeUnplayable(video, parts) {
  const giveUp = () => {
    video.hidden = true;
    parts.play.hidden = true;
    parts.unplayable.hidden = false;
  };
  const check = () => {
    const isKnown = video.readyState >= HTMLMediaElement.HAVE_METADATA;
    if (video.error || (isKnown && video.videoWidth === 0)) giveUp();
  };
  video.addEventListener("error", check);
  video.addEventListener("loadedmetadata", check);
  // The browser may have found out before this script ran.
  check();
}

/** Let the local file of a clip that is still being uploaded tell its length; `tell` is given the seconds. */
function askLocal(video, localUrl, tell) {
  video.addEventListener("loadedmetadata", () => tell(video.duration), { once: true });
  video.src = localUrl;
}

export function enhanceStudio(root, { localUrl } = {}) {
  const parts = partsOf(root);
  const { video, slider } = parts;
  const windowS = Number(root.dataset.windowS);
  watchEstimates(root.querySelector("form"));

  // Safari paints no first frame until it is told where to look.
  const seek = (startS) => {
    if (video) video.currentTime = startS;
  };
  let startOf = () => 0;
  if (slider) startOf = linkStart(root.querySelector("#start_time"), parts, windowS, seek);
  const measure = (durationS) => {
    if (!slider) return;
    // The slider's thumb is the window itself, as wide as six seconds of this clip.
    root.style.setProperty("--window-share", windowS / durationS);
    slider.max = Math.max(0, Math.floor((durationS - windowS) * 10) / 10);
    parts.length.textContent = shortTimecode(durationS);
    if (video) drawFilmstrip(parts.filmstrip, video.src, durationS);
  };
  if (localUrl) askLocal(video, localUrl, measure);
  else measure(Number(root.dataset.durationS));
  if (!video) return;
  video.controls = false;
  noticeUnplayable(video, parts);
  loopWindow(video, parts.play, startOf, Math.min(windowS, Number(root.dataset.durationS) || windowS));
}
