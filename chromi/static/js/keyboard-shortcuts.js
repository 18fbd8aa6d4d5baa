const STEP_S = 0.1;
const LONG_STEP_S = 1;
const TIMELINE_SLIDER = '[data-part="slider"]';

/** True if the element itself reacts to the key: typing, choosing or pressing. */
function handlesKey(element, key) {
  if (element.matches(TIMELINE_SLIDER)) return false;
  if (element.matches("textarea, select, [contenteditable], [role='slider'], input:not([type='radio'], [type='checkbox'])")) {
    return true;
  }
  if (key.startsWith("Arrow")) return element.matches('[type="radio"]');
  return key === " " && element.matches("button, a[href], summary, input");
}

/**
 * Handle the studio's shortcuts on the whole page, but not while a dialog is open. The arrow keys also move the
 * timeline's slider while `isEnabled` returns false.
 */
export function handleShortcuts({ trimWindow, player, stepFrames, isEnabled, signal }) {
  const moveBy = (event, sign) => trimWindow.moveBy(sign * (event.shiftKey ? LONG_STEP_S : STEP_S));
  // An action that returns false leaves the key to the browser.
  const actions = {
    " ": () => player.toggle(),
    ",": () => stepFrames(-1),
    ".": () => stepFrames(1),
    i: () => trimWindow.moveTo(player.playheadS),
    ArrowLeft: (event) => moveBy(event, -1),
    ArrowRight: (event) => moveBy(event, 1),
    ArrowDown: (event) => event.target.matches(TIMELINE_SLIDER) && moveBy(event, -1),
    ArrowUp: (event) => event.target.matches(TIMELINE_SLIDER) && moveBy(event, 1),
  };
  const onKeyDown = (event) => {
    if (document.querySelector("dialog[open]")) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const isSlider = event.target.matches?.(TIMELINE_SLIDER) && key.startsWith("Arrow");
    if (!Object.hasOwn(actions, key) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!(isEnabled() || isSlider) || handlesKey(event.target, key)) return;
    if (actions[key](event) !== false) event.preventDefault();
  };
  document.addEventListener("keydown", onKeyDown, { signal });
}
