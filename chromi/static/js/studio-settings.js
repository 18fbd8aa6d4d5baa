import { clamp } from "./clamp.js";
import { parseTimecode } from "./timecode.js";

export const DEFAULT_LENGTH_S = 6;
/** The lowest length that the field accepts. */
export const MIN_LENGTH_S = 1;
const MAX_LENGTH_S = 10;
const SNAP_S = 0.25;
const STORE_INTERVAL_MS = 400;

/** Round to three decimal places like the server: Python rounds halves to even. */
function roundToMilli(value) {
  const thousandths = Math.round(value * 1000);
  const isHalf = thousandths - value * 1000 === 0.5;
  return (isHalf && thousandths % 2 === 1 ? thousandths - 1 : thousandths) / 1000;
}

function numberIn(field, defaultValue) {
  return field.value === "" ? defaultValue : clamp(roundToMilli(Number(field.value)), Number(field.min), Number(field.max));
}

/** Return the form's settings that the preview needs. A number outside its field's range counts as the nearest one inside. */
export function readSettings(form) {
  const { duration, speed, loop, reverse, short } = form.elements;
  return {
    lengthS: numberIn(duration, DEFAULT_LENGTH_S),
    speed: numberIn(speed, 1),
    loop: loop.value,
    reverse: reverse.checked,
    short: short.value,
  };
}

/** Return how many seconds of the clip the background shows. */
export function windowLengthS({ lengthS, speed, loop }) {
  return loop === "boomerang" ? (lengthS * speed) / 2 : lengthS * speed;
}

/** Return the background's length for a window of the clip that a person has dragged: tenths, and preferably six seconds. */
export function backgroundLengthS(windowS, { speed, loop }) {
  const lengthS = (loop === "boomerang" ? windowS * 2 : windowS) / speed;
  const snappedS = Math.abs(lengthS - DEFAULT_LENGTH_S) < SNAP_S ? DEFAULT_LENGTH_S : Math.round(lengthS * 10) / 10;
  return clamp(snappedS, MIN_LENGTH_S, MAX_LENGTH_S);
}

function isDefault(name, value, defaultValue) {
  return name === "start_time" ? parseTimecode(value) === parseTimecode(defaultValue) : value === defaultValue;
}

/** Store the settings that differ from the defaults in the page's address, for reloads and for coming back. */
function storeSettingsInUrl(form) {
  const url = new URL(location.href);
  const data = new FormData(form);
  for (const [name, defaultValue] of Object.entries(JSON.parse(form.dataset.defaults))) {
    const value = data.get(name);
    if (value === null || value === "" || isDefault(name, value, defaultValue)) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  history.replaceState(history.state, "", url);
}

/**
 * Store the settings in the address after each change, but not at every step of a drag: Safari rejects more than 100
 * changes in 30 seconds, and other browsers reject or ignore more than 200 in ten.
 */
export function storeSettingsOnChange(form, trimWindow, signal) {
  let timer = 0;
  let storedAtMs = -Infinity;
  const store = () => {
    clearTimeout(timer);
    storedAtMs = performance.now();
    storeSettingsInUrl(form);
  };
  const storeAtIntervals = () => {
    clearTimeout(timer);
    if (performance.now() - storedAtMs >= STORE_INTERVAL_MS) store();
    else timer = setTimeout(store, STORE_INTERVAL_MS);
  };
  trimWindow.addEventListener("change", storeAtIntervals);
  form.addEventListener("input", storeAtIntervals);
  for (const name of ["change", "submit"]) form.addEventListener(name, store);
  signal.addEventListener("abort", () => clearTimeout(timer));
}
