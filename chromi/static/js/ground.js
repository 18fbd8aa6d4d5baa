/** Whoever wants little motion, or pays for their data, keeps the still. */
function isWelcome() {
  return !matchMedia("(prefers-reduced-motion: reduce)").matches && !navigator.connection?.saveData;
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
