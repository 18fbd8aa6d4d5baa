/**
 * Which frames the background shows, as chromi/encoder/order.py decides it. Both are checked against
 * tests/vectors/order.json.
 */

/** Frames a second of the background. */
export const FPS = 24;
const FADE_FRAMES = 12;

function framesToRead(loop, frames) {
  if (loop === "crossfade") return frames + FADE_FRAMES;
  return loop === "boomerang" ? Math.floor((frames + 1) / 2) + 1 : frames;
}

function thereAndBack(numbers) {
  return [...numbers, ...numbers.slice(1, -1).reverse()];
}

function fill(numbers, wanted, short) {
  if (short === "play" || numbers.length >= wanted) return numbers;
  const once = short === "boomerang" ? thereAndBack(numbers) : numbers;
  return Array.from({ length: wanted }, (_, i) => once[i % once.length]);
}

/** To show as many frames as are wanted, play them several times, each time with its fade. */
function crossfade(numbers, wanted) {
  const lead = Math.min(FADE_FRAMES, Math.floor(numbers.length / 3));
  const before = numbers.slice(0, lead);
  const body = numbers.slice(lead);
  const total = wanted ?? body.length;
  const times = Math.ceil(total / body.length);
  const endOf = (time) => Math.floor((total * time) / times);
  return Array.from({ length: times }, (_, time) => {
    const once = body.slice(0, endOf(time + 1) - endOf(time));
    const end = once.length - lead;
    const mixed = before.map((number, i) => [once[end + i], number, (i + 1) / (lead + 1)]);
    return [...once.slice(0, end).map((number) => [number]), ...mixed];
  }).flat();
}

/** What is shown of `count` frames: a list of [number], or of [number, number, share of the second]. */
function orderFrames(count, frames, { loop, reverse, short }) {
  const toRead = framesToRead(loop, frames);
  const numbers = Array.from({ length: count }, (_, i) => i);
  if (reverse) numbers.reverse();
  if (loop === "crossfade") {
    return short === "repeat" ? crossfade(numbers, frames) : crossfade(fill(numbers, toRead, short));
  }
  const shown =
    loop === "boomerang"
      ? thereAndBack(fill(numbers, toRead, short === "play" ? "play" : "boomerang")).slice(0, frames)
      : fill(numbers, frames, short);
  return shown.map((number) => [number]);
}

/**
 * The background's frames: a list of [seconds in the clip], or of [seconds, seconds, share of the second].
 * `settings` as readSettings gives them, with startS and clipS.
 */
export function orderPictures(settings) {
  const { startS, clipS, lengthS, loop, reverse, speed } = settings;
  const stepS = speed / FPS;
  const fadeS = loop === "crossfade" && !reverse ? FADE_FRAMES * stepS : 0;
  const fromS = Math.min(Math.max(0, startS - fadeS), Math.max(0, clipS - stepS));
  const frames = Math.round(FPS * lengthS);
  const available = Math.max(1, Math.round((clipS - fromS) / stepS));
  const count = Math.min(framesToRead(loop, frames), available);
  const timeOf = (number) => fromS + number * stepS;
  return orderFrames(count, frames, settings).map(([one, other, share]) =>
    other === undefined ? [timeOf(one)] : [timeOf(one), timeOf(other), share],
  );
}
