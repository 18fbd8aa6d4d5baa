/** Parse "90.5", "1:30,5" or "00:01:30.5" to seconds as the server does; returns null for anything else. */
export function parseTimecode(text) {
  const match = /^(?:(?:(\d{1,2}):)?([0-5]?\d):(?=[0-5]?\d(?:\.|$)))?(\d{1,6}(?:\.\d{1,9})?)$/.exec(text.trim().replace(",", "."));
  if (!match) return null;
  const [hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0));
  return hours * 3600 + minutes * 60 + seconds;
}

/** 72.4 -> "1:12.4" or, in German, "1:12,4"; 3723 -> "1:02:03.0". */
function formatTimecode(units, unitsPerSecond, maximumFractionDigits) {
  const perMinute = 60 * unitsPerSecond;
  const minutes = Math.floor(units / perMinute);
  const hours = Math.floor(minutes / 60);
  const digits = { minimumIntegerDigits: 2, minimumFractionDigits: 1, maximumFractionDigits };
  const rest = new Intl.NumberFormat(document.documentElement.lang, digits).format((units % perMinute) / unitsPerSecond);
  return hours ? `${hours}:${String(minutes % 60).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** 72.4 -> "1:12.4", 72.345 -> "1:12.345": exact to the millisecond, for a field. */
export function exactTimecode(seconds) {
  return formatTimecode(Math.round(seconds * 1000), 1000, 3);
}

/** 72.345 -> "1:12.3", for display. */
export function shortTimecode(seconds) {
  return formatTimecode(Math.round(seconds * 10), 10, 1);
}
