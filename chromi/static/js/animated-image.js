import { enhanceMotionToggle } from "./motion-toggle.js";
import { prefersReducedMotion } from "./reduced-motion.js";

/**
 * Let a button replace an animated image by its first frame, and show the animation again.
 * @param {HTMLPictureElement} picture its <source> is the first frame, its <img> the animation
 */
export function pauseImage(picture, toggle) {
  const firstFrame = picture.querySelector("source");
  enhanceMotionToggle(toggle, !prefersReducedMotion(), (isPlaying) => {
    firstFrame.media = isPlaying ? "not all" : "all";
  });
}
