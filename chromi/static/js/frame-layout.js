import { clamp } from "./clamp.js";

/** The background's aspect ratio. */
const TARGET_RATIO = 16 / 9;
/** As in the encoder: a clip whose ratio differs by less is cropped by a few pixels, not padded. */
const RATIO_TOLERANCE = 0.02;
/** It makes no difference which part of a frame is kept if less than this share of it is cropped. */
const MIN_CROPPED_SHARE = 0.012;

/**
 * Where the encoder places a frame of the clip in the background (chromi/encoder/frames/filtergraph.py). Positions and
 * sizes are fractions: of the frame for what is kept, of the background for where it is shown.
 */
export class FrameLayout {
  #focus;

  /**
   * @param {object} options `ratio` is the frame's width by its height; `framing`, `focus` ([x, y]) and `zoom` are the
   *   options of the conversion
   */
  constructor({ ratio, framing, focus, zoom }) {
    this.#focus = focus;
    this.isFilled = framing === "fill" || Math.abs(ratio - TARGET_RATIO) < RATIO_TOLERANCE;
    const limit = this.isFilled ? Math.min : Math.max;
    this.keptWidth = Math.min(1, limit(1, TARGET_RATIO / ratio) / zoom);
    this.keptHeight = Math.min(1, limit(1, ratio / TARGET_RATIO) / zoom);
    this.keptRatio = (ratio * this.keptWidth) / this.keptHeight;
  }

  get isHorizontallyCropped() {
    return this.keptWidth < 1 - MIN_CROPPED_SHARE;
  }

  get isVerticallyCropped() {
    return this.keptHeight < 1 - MIN_CROPPED_SHARE;
  }

  /** The center of the kept part as [x, y]: the focus, as far as the frame's edges allow. */
  get center() {
    return this.#limit(this.#focus);
  }

  /** The kept part of the frame. */
  get kept() {
    const [x, y] = this.center;
    const { keptWidth: width, keptHeight: height } = this;
    return { left: x - width / 2, top: y - height / 2, width, height };
  }

  /** Where the whole frame lies in the background, most of it outside if little is kept. */
  get frame() {
    const { left, top, width, height } = this.kept;
    const shownWidth = this.isFilled ? 1 : Math.min(1, this.keptRatio / TARGET_RATIO);
    const shownHeight = this.isFilled ? 1 : Math.min(1, TARGET_RATIO / this.keptRatio);
    return {
      left: (1 - shownWidth) / 2 - (left * shownWidth) / width,
      top: (1 - shownHeight) / 2 - (top * shownHeight) / height,
      width: shownWidth / width,
      height: shownHeight / height,
    };
  }

  /** Return the focus that moves the center there, as far as the edges allow. An axis that is not cropped stays. */
  focusAt([x, y]) {
    const [limitedX, limitedY] = this.#limit([x, y]).map((value) => Math.round(value * 1000) / 1000);
    const [focusX, focusY] = this.#focus;
    return [this.isHorizontallyCropped ? limitedX : focusX, this.isVerticallyCropped ? limitedY : focusY];
  }

  #limit([x, y]) {
    const { keptWidth, keptHeight } = this;
    return [clamp(x, keptWidth / 2, 1 - keptWidth / 2), clamp(y, keptHeight / 2, 1 - keptHeight / 2)];
  }
}
