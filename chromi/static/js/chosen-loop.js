import { FrameLayout } from "./frame-layout.js";
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
    play(video);
  });
  video.addEventListener("error", () => video.remove()); // the browser cannot play it
}

function play(video) {
  // Rejected if the file cannot be played, which the error event reports, or if the video is removed.
  video.play().catch(() => {});
}

/** Play the part of the clip that is being made behind the job's progress. Called again whenever the fragment is replaced. */
export function playChosenLoop() {
  const video = document.getElementById("chosen_loop");
  if (!video) return;
  if (!enhanced.has(video)) {
    enhanced.add(video);
    loopPart(video);
  }
  if (!prefersReducedMotion() && video.paused) play(video);
}
