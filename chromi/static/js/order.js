/** As chromi/encoder/order.py: the end fades during half a second into what comes before the beginning. */
const FADE_S = 0.5;

function timesRead({ startS, clipS, loop, reverse, speed }, rate, wanted) {
  const fade = loop === "crossfade" ? FADE_S * rate : 0;
  const count = loop === "boomerang" ? Math.floor((wanted + 1) / 2) + 1 : wanted + fade;
  const stepS = speed / rate;
  const fromS = reverse ? startS : Math.max(0, startS - fade * stepS);
  const times = Array.from({ length: count }, (_, i) => fromS + i * stepS);
  // A frame that begins as the clip ends is none.
  return times.filter((timeS, i) => i === 0 || timeS < clipS - stepS / 4);
}

function thereAndBack(times) {
  return [...times, ...times.slice(1, -1).reverse()];
}

function fill(times, wanted, short) {
  if (short === "play" || times.length >= wanted) return times;
  const once = short === "boomerang" ? thereAndBack(times) : times;
  return Array.from({ length: wanted }, (_, i) => once[i % once.length]);
}

function crossfade(times, fade) {
  const lead = Math.min(fade, Math.floor(times.length / 3));
  const body = times.slice(lead);
  const end = body.length - lead;
  const mixed = times.slice(0, lead).map((before, i) => [body[end + i], before, (i + 1) / (lead + 1)]);
  return [...body.slice(0, end).map((timeS) => [timeS]), ...mixed];
}

/**
 * What the background shows at `rate` pictures a second: a list of [seconds in the clip], or of two of which the
 * second has a share: [seconds, seconds, share]. `settings` as readSettings gives them, with startS and clipS.
 */
export function orderPictures(settings, rate) {
  const wanted = Math.max(2, Math.round(rate * settings.lengthS));
  const times = timesRead(settings, rate, wanted);
  if (settings.reverse) times.reverse();
  if (settings.loop === "crossfade") return crossfade(times, FADE_S * rate);
  const shown =
    settings.loop === "boomerang"
      ? thereAndBack(fill(times, Math.floor((wanted + 1) / 2) + 1, settings.short === "play" ? "play" : "boomerang"))
      : fill(times, wanted, settings.short);
  return shown.slice(0, wanted).map((timeS) => [timeS]);
}
