import { enhanceMotionToggle } from "./motion-toggle.js";
import { prefersReducedMotion } from "./reduced-motion.js";

/**
 * Play decorative videos while they are in view, unless reduced motion or data saving is on. The button pauses and resumes
 * all of them.
 * @param {HTMLVideoElement[]} videos each lies over an image that stays if the browser cannot play it
 */
export function animateVideos(videos, toggle) {
  const visible = new Set();
  let isPlaying = false;
  const update = () => {
    for (const video of videos) {
      if (isPlaying && visible.has(video)) video.play().catch(() => {}); // rejected by a pause, or by an error
      else video.pause();
    }
  };
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) visible.add(target);
      else visible.delete(target);
    }
    update();
  });
  for (const video of videos) {
    video.addEventListener("error", () => video.remove());
    observer.observe(video);
  }
  enhanceMotionToggle(toggle, !prefersReducedMotion() && !navigator.connection?.saveData, (isPlayingNow) => {
    isPlaying = isPlayingNow;
    update();
  });
}
