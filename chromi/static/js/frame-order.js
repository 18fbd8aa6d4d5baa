/**
 * Which frames the background shows, in the same order as chromi/encoder/frames/frame_order.py. Tests check both
 * implementations against tests/vectors/order.json.
 */

/** Frames per second of the background. */
export const FPS = 24;
const CROSSFADE_FRAMES = 12;

/** Return how many frames of the clip a background of `frames` frames needs. */
function framesToRead(loop, frames) {
  if (loop === "crossfade") return frames + CROSSFADE_FRAMES;
  return loop === "boomerang" ? Math.floor((frames + 1) / 2) + 1 : frames;
}

function forwardAndBack(numbers) {
  return [...numbers, ...numbers.slice(1, -1).toReversed()];
}

/** Repeat the frames of a clip up to `wanted` frames, as the option `short` says; never shorten them. */
function fill(numbers, wanted, short) {
  if (short === "play" || numbers.length >= wanted) return numbers;
  const cycle = short === "boomerang" ? forwardAndBack(numbers) : numbers;
  return Array.from({ length: wanted }, (_, i) => cycle[i % cycle.length]);
}

/**
 * Fade the end of each repetition into its beginning. Without `wanted` there is one repetition, else as many as make
 * `wanted` frames.
 */
function crossfade(numbers, wanted) {
  const fadeFrames = Math.min(CROSSFADE_FRAMES, Math.floor(numbers.length / 3));
  const leadIn = numbers.slice(0, fadeFrames);
  const body = numbers.slice(fadeFrames);
  const total = wanted ?? body.length;
  const repetitions = Math.ceil(total / body.length);
  const endOf = (repetition) => Math.floor((total * repetition) / repetitions);
  return Array.from({ length: repetitions }, (_, repetition) => {
    const shown = body.slice(0, endOf(repetition + 1) - endOf(repetition));
    const fadeStart = shown.length - fadeFrames;
    const faded = leadIn.map((number, i) => [shown[fadeStart + i], number, (i + 1) / (fadeFrames + 1)]);
    return [...shown.slice(0, fadeStart).map((number) => [number]), ...faded];
  }).flat();
}

/**
 * Return the order in which `count` frames of the clip are shown.
 * @returns {number[][]} items [frame], or [frame, frame that fades in, its opacity]
 */
function orderFrames(count, frames, { loop, reverse, short }) {
  const toRead = framesToRead(loop, frames);
  const numbers = Array.from({ length: count }, (_, i) => i);
  if (reverse) numbers.reverse();
  if (loop === "crossfade") {
    return short === "repeat" ? crossfade(numbers, frames) : crossfade(fill(numbers, toRead, short));
  }
  const shown =
    loop === "boomerang"
      ? forwardAndBack(fill(numbers, toRead, short === "play" ? "play" : "boomerang")).slice(0, frames)
      : fill(numbers, frames, short);
  return shown.map((number) => [number]);
}

/**
 * Return the background's frames by their times in the clip, in seconds.
 * @param {object} settings as readSettings returns them, with startS and clipDurationS
 * @returns {number[][]} items [time], or [time, time of the frame that fades in, its opacity]
 */
export function orderFrameTimes(settings) {
  const { startS, clipDurationS, lengthS, loop, reverse, speed } = settings;
  const stepS = speed / FPS;
  const fadeS = loop === "crossfade" && !reverse ? CROSSFADE_FRAMES * stepS : 0;
  const readStartS = Math.min(Math.max(0, startS - fadeS), Math.max(0, clipDurationS - stepS));
  const frames = Math.round(FPS * lengthS);
  const available = Math.max(1, Math.round((clipDurationS - readStartS) / stepS));
  const count = Math.min(framesToRead(loop, frames), available);
  const timeOf = (number) => readStartS + number * stepS;
  return orderFrames(count, frames, settings).map(([frame, fadedIn, opacity]) =>
    fadedIn === undefined ? [timeOf(frame)] : [timeOf(frame), timeOf(fadedIn), opacity],
  );
}

/** Return how long the background takes, in seconds. `settings` as orderFrameTimes takes them. */
export function backgroundDurationS(settings) {
  return orderFrameTimes(settings).length / FPS;
}
