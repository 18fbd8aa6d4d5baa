const LITTLE_MOTION = matchMedia("(prefers-reduced-motion: reduce)");

/** Whoever wants little motion, or pays for their data, keeps the still. */
function isWelcome() {
  return !LITTLE_MOTION.matches && !navigator.connection?.saveData;
}

/** Let the start page's picture move once all else is there, `begun`; a button stops it and lets it move again. */
export function moveGround({ ground, motion }, begun) {
  const still = ground.getAttribute("src");
  const show = (isMoving) => {
    ground.src = isMoving ? ground.dataset.moving : still;
    motion.textContent = isMoving ? motion.dataset.stop : motion.dataset.go;
  };
  const isMoving = () => ground.getAttribute("src") !== still;
  const begin = () => show(isWelcome());
  motion.textContent = motion.dataset.go; // named from the first moment
  motion.hidden = false;
  motion.addEventListener("click", () => show(!isMoving()));
  begun.then(begin);
}

/** Put a picture that may move into `image`; whoever wants little motion sees its first frame, and it stands still. */
export async function showPicture(image, url) {
  if (!LITTLE_MOTION.matches) {
    if (image.getAttribute("src") !== url) image.src = url;
    return;
  }
  const moving = new Image();
  moving.src = url;
  try {
    await moving.decode();
  } catch {
    image.src = url; // It finds out, and whoever shows it.
    return;
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
