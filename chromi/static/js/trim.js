/** The window over the clip. "change" tells that it has moved, or that it or the clip has another length. */
export class Trim extends EventTarget {
  durationS = 0;
  lengthS = 6;
  startS = 0;

  get endS() {
    return Math.min(this.durationS, this.startS + this.lengthS);
  }

  get lastStartS() {
    return Math.max(0, this.durationS - this.lengthS);
  }

  get isKnown() {
    return this.durationS > 0;
  }

  get isWhole() {
    return this.isKnown && this.durationS <= this.lengthS;
  }

  /** Change what is given; the start stays where a whole window fits, once the clip's length is known. */
  set({ startS = this.startS, lengthS = this.lengthS, durationS = this.durationS }) {
    const before = [this.startS, this.lengthS, this.durationS].join();
    Object.assign(this, { lengthS, durationS });
    const lastS = this.isKnown ? this.lastStartS : Infinity;
    this.startS = Math.round(Math.min(Math.max(0, startS), lastS) * 1000) / 1000;
    if (before !== [this.startS, this.lengthS, this.durationS].join()) this.dispatchEvent(new Event("change"));
  }

  moveTo(startS) {
    this.set({ startS });
  }

  moveBy(stepS) {
    this.moveTo(this.startS + stepS);
  }
}
