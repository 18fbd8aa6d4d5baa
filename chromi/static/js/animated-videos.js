import { prefersReducedMotion } from "./reduced-motion.js";

/**
 * Play decorative videos while they are in view, unless reduced motion or data saving is on. The button pauses and resumes
 * all of them.
 * @param {HTMLVideoElement[]} videos each lies over an image that stays if the browser cannot play it
 * @param {HTMLButtonElement} toggle has the texts data-stop and data-play
 */
export function animateVideos(videos, toggle) {
  const visible = new Set();
  let isPlaying = !prefersReducedMotion() && !navigator.connection?.saveData;
  const update = () => {
    for (const video of videos) {
      if (isPlaying && visible.has(video)) video.play().catch(() => {}); // rejected by a pause, or by an error
      else video.pause();
    }
    toggle.textContent = isPlaying ? toggle.dataset.stop : toggle.dataset.play;
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
  toggle.addEventListener("click", () => {
    isPlaying = !isPlaying;
    update();
  });
  update(); // a button needs a name before it is shown
  toggle.hidden = false;
}
