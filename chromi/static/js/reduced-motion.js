const REDUCED_MOTION = matchMedia("(prefers-reduced-motion: reduce)");

export function prefersReducedMotion() {
  return REDUCED_MOTION.matches;
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
    const stillUrl = URL.createObjectURL(still);
    image.addEventListener("load", () => URL.revokeObjectURL(stillUrl), { once: true });
    image.src = stillUrl;
    image.classList.add("still-frame");
  });
}
