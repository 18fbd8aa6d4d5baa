import { parseTimecode } from "./timecode.js";

/** Round to three decimal places like the server: Python rounds halves to even. */
function roundToMilli(value) {
  const thousandths = Math.round(value * 1000);
  const isHalf = thousandths - value * 1000 === 0.5;
  return (isHalf && thousandths % 2 === 1 ? thousandths - 1 : thousandths) / 1000;
}

function numberIn(field, defaultValue) {
  return field.value !== "" && field.validity.valid ? roundToMilli(Number(field.value)) : defaultValue;
}

/** Return the form's settings that the preview needs. An invalid number counts as the default. */
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

/** Return how many seconds of the clip the background shows. */
export function windowLengthS({ lengthS, speed, loop }) {
  return loop === "boomerang" ? (lengthS * speed) / 2 : lengthS * speed;
}

function isDefault(name, value, defaultValue) {
  return name === "start_time" ? parseTimecode(value) === parseTimecode(defaultValue) : value === defaultValue;
}

/** Store the settings that differ from the defaults in the page's address, for reloads and for coming back. */
export function storeSettingsInUrl(form) {
  const url = new URL(location.href);
  const data = new FormData(form);
  for (const [name, defaultValue] of Object.entries(JSON.parse(form.dataset.defaults))) {
    const value = data.get(name);
    if (value === null || value === "" || isDefault(name, value, defaultValue)) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  history.replaceState(history.state, "", url);
}
