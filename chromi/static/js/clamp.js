/** Limit a value to a range; `min` counts if the range is empty. */
export function clamp(value, min, max) {
  return Math.min(Math.max(min, value), Math.max(min, max));
}
