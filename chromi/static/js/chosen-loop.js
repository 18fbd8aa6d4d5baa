import { FrameLayout } from "./frame-layout.js";
import { enhanceMotionToggle } from "./motion-toggle.js";
import { prefersReducedMotion } from "./reduced-motion.js";

const enhanced = new WeakSet();

/** Place the video as the background shows it. */
function placeFrame(video) {
  const { framing, focus, zoom } = video.dataset;
  const ratio = video.videoWidth / video.videoHeight;
  const { frame } = new FrameLayout({ ratio, framing, focus: focus.split(",").map(Number), zoom: Number(zoom) });
  for (const [side, share] of Object.entries(frame)) video.style.setProperty(side, `${100 * share}%`);
}

function loopPart(video) {
  const [startS, endS] = [Number(video.dataset.startS), Number(video.dataset.endS)];
  const restart = () => {
    video.currentTime = startS;
  };
  const begin = () => {
    placeFrame(video);
    restart();
  };
  video.playbackRate = Number(video.dataset.speed);
  if (video.readyState > 0) begin();
  else video.addEventListener("loadedmetadata", begin, { once: true });
  video.addEventListener("timeupdate", () => video.currentTime >= endS && restart());
  video.addEventListener("ended", () => {
    restart();
    keepPlaying(video);
  });
  video.addEventListener("error", () => video.remove()); // the browser cannot play it
}

/** Play the video unless it is paused by its button. */
function keepPlaying(video) {
  if (!video.autoplay) video.pause();
  // Rejected if the file cannot be played, which the error event reports, or if the video is removed.
  else if (video.paused) video.play().catch(() => {});
}

/** Let the button pause the loop. With reduced motion it is paused at first; with data saving it is not even loaded. */
function connectToggle(video) {
  const savesData = Boolean(navigator.connection?.saveData);
  if (!savesData) video.preload = "auto";
  const toggle = document.getElementById("loop_toggle");
  video.addEventListener("error", () => toggle.remove());
  enhanceMotionToggle(toggle, !prefersReducedMotion() && !savesData, (isPlaying) => {
    video.autoplay = isPlaying;
    keepPlaying(video);
  });
}

/** Play the part of the clip that is being made behind the job's progress. Called again whenever the fragment is replaced. */
export function playChosenLoop() {
  const video = document.getElementById("chosen_loop");
  if (!video) return;
  if (!enhanced.has(video)) {
    enhanced.add(video);
    loopPart(video);
    connectToggle(video);
  }
  keepPlaying(video);
}
