const LITTLE_MOTION = matchMedia("(prefers-reduced-motion: reduce)");

/** Put a picture that may move into `image`; whoever wants little motion sees its first frame, and it stands still. */
export async function showPicture(image, url) {
  if (image.getAttribute("src") !== url) image.src = url;
  if (!LITTLE_MOTION.matches) return;
  const moving = new Image();
  moving.src = url;
  try {
    await moving.decode();
  } catch {
    return; // The image itself finds out, and whoever shows it.
  }
  const canvas = document.createElement("canvas");
  canvas.width = moving.naturalWidth;
  canvas.height = moving.naturalHeight;
  canvas.getContext("2d").drawImage(moving, 0, 0);
  canvas.toBlob((still) => {
    image.src = URL.createObjectURL(still);
    image.classList.add("still");
  });
}
