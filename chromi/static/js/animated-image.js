import { prefersReducedMotion } from "./reduced-motion.js";

/**
 * Let a button replace an animated image by its first frame, and show the animation again.
 * @param {HTMLPictureElement} picture its <source> is the first frame, its <img> the animation
 * @param {HTMLButtonElement} toggle has the texts data-stop and data-play
 */
export function pauseImage(picture, toggle) {
  const firstFrame = picture.querySelector("source");
  let isPlaying = !prefersReducedMotion();
  const update = () => {
    firstFrame.media = isPlaying ? "not all" : "all";
    toggle.textContent = isPlaying ? toggle.dataset.stop : toggle.dataset.play;
  };
  toggle.addEventListener("click", () => {
    isPlaying = !isPlaying;
    update();
  });
  update(); // a button needs a name before it is shown
  toggle.hidden = false;
}
