import { parseTimecode } from "./timecode.js";

/** A number as the server reads it, with three digits after the point; Python rounds halves to even. */
function roundNumber(value) {
  const thousandths = Math.round(value * 1000);
  const isHalf = thousandths - value * 1000 === 0.5;
  return (isHalf && thousandths % 2 === 1 ? thousandths - 1 : thousandths) / 1000;
}

function numberIn(field, usual) {
  return field.value !== "" && field.validity.valid ? roundNumber(Number(field.value)) : usual;
}

/** What the form says now, as far as the preview needs it; what cannot be read counts as not chosen. */
export function readSettings(form) {
  const { duration, speed, loop, reverse, short, framing, pad, focus } = form.elements;
  return {
    lengthS: numberIn(duration, 6),
    speed: numberIn(speed, 1),
    loop: loop.value,
    reverse: reverse.checked,
    short: short.value,
    framing: framing.value,
    pad: pad.value,
    focus: focus.value.split(",").map(Number),
  };
}

/** How many seconds of the clip the background shows. */
export function shownS({ lengthS, speed, loop }) {
  return loop === "boomerang" ? (lengthS * speed) / 2 : lengthS * speed;
}

function isUsual(name, value, usual) {
  return name === "start_time" ? parseTimecode(value) === parseTimecode(usual) : value === usual;
}

/** Keep what is not as usual in the address, so that reloading and coming back find it again. */
export function rememberSettings(form) {
  const address = new URL(location.href);
  const chosen = new FormData(form);
  for (const [name, usual] of Object.entries(JSON.parse(form.dataset.defaults))) {
    const value = chosen.get(name);
    if (value === null || value === "" || isUsual(name, value, usual)) address.searchParams.delete(name);
    else address.searchParams.set(name, value);
  }
  history.replaceState(history.state, "", address);
}
