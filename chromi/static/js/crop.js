import { clamp } from "./clamp.js";

/** The background's aspect ratio. */
const TARGET_RATIO = 16 / 9;
/** As in the encoder: a clip whose ratio differs by less has nothing to crop or pad. */
const RATIO_TOLERANCE = 0.02;

/** How a clip of some aspect ratio is cropped to 16:9 around a focus point. Positions and sizes are fractions. */
export class Crop {
  /** `focus` is [x, y], fractions of the clip's width and height; `ratio` is the clip's width by its height. */
  constructor(ratio, focus) {
    this.ratio = ratio;
    this.focus = focus;
  }

  /** True if something is cropped at all. */
  get isNeeded() {
    return Math.abs(this.ratio - TARGET_RATIO) >= RATIO_TOLERANCE;
  }

  /** True if left and right are cropped, not top and bottom. */
  get isHorizontal() {
    return this.ratio > TARGET_RATIO;
  }

  /** The fraction of the clip's width or height that is kept. */
  get keptFraction() {
    return this.isHorizontal ? TARGET_RATIO / this.ratio : this.ratio / TARGET_RATIO;
  }

  /** The center of the kept part along the cropped axis. */
  get center() {
    return this.#limit(this.focus[this.isHorizontal ? 0 : 1]);
  }

  /** CSS object-position, with object-fit: cover, that shows the kept part. */
  get objectPosition() {
    const offset = this.isNeeded ? (this.center - this.keptFraction / 2) / (1 - this.keptFraction) : 0.5;
    const percentage = `${(100 * offset).toFixed(2)}%`;
    return this.isHorizontal ? `${percentage} 50%` : `50% ${percentage}`;
  }

  /** Return the focus that moves the center there, as far as the clip's edges allow. */
  focusAt(center) {
    const moved = Math.round(this.#limit(center) * 1000) / 1000;
    return this.isHorizontal ? [moved, this.focus[1]] : [this.focus[0], moved];
  }

  #limit(center) {
    return clamp(center, this.keptFraction / 2, 1 - this.keptFraction / 2);
  }
}
