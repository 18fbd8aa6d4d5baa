import { clamp } from "./clamp.js";

/** At the highest zoom the window takes up two fifths of the track. */
const MAX_WINDOW_FRACTION = 0.4;
/** Space that stays visible beside the window, as a fraction of what is shown. */
const MARGIN_FRACTION = 0.02;

/** The part of the clip that a zoomed timeline shows. Each zoom level halves it. */
export class TimelineView {
  zoom = 0;
  startS = 0;
  #trimWindow;

  constructor(trimWindow) {
    this.#trimWindow = trimWindow;
  }

  get spanS() {
    return this.#trimWindow.clipDurationS / 2 ** this.zoom;
  }

  get maxZoom() {
    const { clipDurationS, endS, startS } = this.#trimWindow;
    return Math.max(0, Math.floor(Math.log2((MAX_WINDOW_FRACTION * clipDurationS) / (endS - startS))));
  }

  /** Zoom to a level, with the window in the middle as far as the clip's ends allow. */
  zoomTo(zoom) {
    this.zoom = clamp(zoom, 0, this.maxZoom);
    this.startS = (this.#trimWindow.startS + this.#trimWindow.endS - this.spanS) / 2;
    this.reveal();
  }

  scrollTo(startS) {
    this.startS = clamp(startS, 0, this.#trimWindow.clipDurationS - this.spanS);
  }

  scrollBy(fraction) {
    this.scrollTo(this.startS + fraction * this.spanS);
  }

  /** Scroll by the smallest distance that shows all of the window. */
  reveal() {
    this.zoom = clamp(this.zoom, 0, this.maxZoom);
    const { startS, endS } = this.#trimWindow;
    const marginS = this.spanS * MARGIN_FRACTION;
    this.scrollTo(clamp(this.startS, endS + marginS - this.spanS, startS - marginS));
  }

  /** Return where a time lies in the view: 0 at its left end, 1 at its right end. */
  fractionOf(timeS) {
    return (timeS - this.startS) / this.spanS;
  }

  timeAt(fraction) {
    return this.startS + fraction * this.spanS;
  }
}
