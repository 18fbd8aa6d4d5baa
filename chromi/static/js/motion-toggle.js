/**
 * Let a button pause and resume an animation. `onChange` is called now and after each click, with whether it plays.
 * @param {HTMLButtonElement} toggle has the texts data-stop and data-play
 */
export function enhanceMotionToggle(toggle, isPlayingFirst, onChange) {
  let isPlaying = isPlayingFirst;
  const update = () => {
    toggle.ariaLabel = toggle.title = isPlaying ? toggle.dataset.stop : toggle.dataset.play;
    toggle.classList.toggle("paused", !isPlaying);
    onChange(isPlaying);
  };
  toggle.addEventListener("click", () => {
    isPlaying = !isPlaying;
    update();
  });
  update(); // a button needs a name before it is shown
  toggle.hidden = false;
}
