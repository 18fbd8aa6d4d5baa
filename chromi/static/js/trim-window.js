import { clamp } from "./clamp.js";
import { DEFAULT_LENGTH_S } from "./studio-settings.js";

/**
 * The window: the part of the clip that the background shows. "change" is dispatched when the window has moved, or its
 * length or the clip's has changed.
 */
export class TrimWindow extends EventTarget {
  clipDurationS = 0;
  lengthS = DEFAULT_LENGTH_S;
  startS = 0;

  get endS() {
    return Math.min(this.clipDurationS, this.startS + this.lengthS);
  }

  get lastStartS() {
    return Math.max(0, this.clipDurationS - this.lengthS);
  }

  get hasClipDuration() {
    return this.clipDurationS > 0;
  }

  /** True if the clip is no longer than the window, so all of it is shown. */
  get isWholeClip() {
    return this.hasClipDuration && this.clipDurationS <= this.lengthS;
  }

  /** Change the given values. Once the clip's duration is known, the start is limited to where a whole window fits. */
  set({ startS = this.startS, lengthS = this.lengthS, clipDurationS = this.clipDurationS }) {
    const before = [this.startS, this.lengthS, this.clipDurationS].join();
    Object.assign(this, { lengthS, clipDurationS });
    const lastStartS = this.hasClipDuration ? this.lastStartS : Infinity;
    this.startS = Math.round(clamp(startS, 0, lastStartS) * 1000) / 1000;
    if (before !== [this.startS, this.lengthS, this.clipDurationS].join()) this.dispatchEvent(new Event("change"));
  }

  moveTo(startS) {
    this.set({ startS });
  }

  moveBy(stepS) {
    this.moveTo(this.startS + stepS);
  }
}
