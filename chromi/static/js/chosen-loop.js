import { prefersReducedMotion } from "./reduced-motion.js";

const enhanced = new WeakSet();

function loopPart(video) {
  const [startS, endS] = [Number(video.dataset.startS), Number(video.dataset.endS)];
  const restart = () => {
    video.currentTime = startS;
  };
  video.playbackRate = Number(video.dataset.speed);
  if (video.readyState > 0) restart();
  else video.addEventListener("loadedmetadata", restart, { once: true });
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
