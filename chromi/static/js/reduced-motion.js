const REDUCED_MOTION = matchMedia("(prefers-reduced-motion: reduce)");

export function prefersReducedMotion() {
  return REDUCED_MOTION.matches;
}

/** Show the start page's animation once `ready` resolves, unless reduced motion or data saving is on; add a toggle. */
export function animateBackground({ background, motion_toggle: toggle }, ready) {
  const stillUrl = background.getAttribute("src");
  const setAnimated = (isAnimated) => {
    background.src = isAnimated ? background.dataset.animated : stillUrl;
    toggle.textContent = isAnimated ? toggle.dataset.stop : toggle.dataset.play;
  };
  const isAnimated = () => background.getAttribute("src") !== stillUrl;
  toggle.textContent = toggle.dataset.play; // a button needs a name before it is shown
  toggle.hidden = false;
  toggle.addEventListener("click", () => setAnimated(!isAnimated()));
  ready.then(() => setAnimated(!prefersReducedMotion() && !navigator.connection?.saveData));
}

/** Show an image that may be animated; with reduced motion only its first frame is shown. */
export async function showImage(image, url) {
  if (!prefersReducedMotion()) {
    if (image.getAttribute("src") !== url) image.src = url;
    return;
  }
  const animated = new Image();
  animated.src = url;
  try {
    await animated.decode();
  } catch {
    image.src = url; // the caller's own error listener reports it
    return;
  }
  const canvas = document.createElement("canvas");
  canvas.width = animated.naturalWidth;
  canvas.height = animated.naturalHeight;
  canvas.getContext("2d").drawImage(animated, 0, 0);
  canvas.toBlob((still) => {
    image.src = URL.createObjectURL(still);
    image.classList.add("still-frame");
  });
}
