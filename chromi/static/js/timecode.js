/** Parse "90.5", "1:30,5" or "00:01:30.5" to seconds as the server does; returns null for anything else. */
export function parseTimecode(text) {
  const match = /^(?:(?:(\d{1,2}):)?([0-5]?\d):(?=[0-5]?\d(?:\.|$)))?(\d{1,6}(?:\.\d{1,9})?)$/.exec(text.trim().replace(",", "."));
  if (!match) return null;
  const [hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0));
  return hours * 3600 + minutes * 60 + seconds;
}

/** 72.4 -> "00:01:12.400", the format that the server writes. */
export function fullTimecode(seconds) {
  return new Date(Math.round(seconds * 1000)).toISOString().slice(11, 23);
}

/** 72.4 -> "1:12.4", for display. */
export function shortTimecode(seconds) {
  const tenths = Math.round(seconds * 10);
  const rest = ((tenths % 600) / 10).toFixed(1).padStart(4, "0");
  return `${Math.floor(tenths / 600)}:${rest}`;
}
