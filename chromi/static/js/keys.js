const STEP_S = 0.1;
const LONG_STEP_S = 1;

/** Where typing, choosing or pressing belongs to the element itself. */
function belongsTo(element, key) {
  if (element.matches('[type="range"]')) return false;
  if (element.matches("textarea, select, [contenteditable], [role='slider'], input:not([type='radio'], [type='checkbox'])")) {
    return true;
  }
  if (key.startsWith("Arrow")) return element.matches('[type="radio"]');
  return key === " " && element.matches("button, a[href], summary, input");
}

/** Keys for the whole page, unless they are typed into something; `isOn` says whether a person wants them. */
export function takeKeys({ trim, player, stepFrames, isOn, signal }) {
  const moveBy = (event, sign) => trim.moveBy(sign * (event.shiftKey ? LONG_STEP_S : STEP_S));
  const actions = {
    " ": () => player.toggle(),
    ",": () => stepFrames(-1),
    ".": () => stepFrames(1),
    i: () => trim.moveTo(player.playheadS),
    ArrowLeft: (event) => moveBy(event, -1),
    ArrowRight: (event) => moveBy(event, 1),
    ArrowDown: (event) => event.target.matches('[type="range"]') && moveBy(event, -1),
    ArrowUp: (event) => event.target.matches('[type="range"]') && moveBy(event, 1),
  };
  document.addEventListener(
    "keydown",
    (event) => {
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      const isSlider = event.target.matches?.('[type="range"]') && key.startsWith("Arrow");
      if (!Object.hasOwn(actions, key) || event.ctrlKey || event.metaKey || event.altKey) return;
      if (!(isOn() || isSlider) || belongsTo(event.target, key)) return;
      if (actions[key](event) !== false) event.preventDefault();
    },
    { signal },
  );
}
