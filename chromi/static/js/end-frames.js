import { copyFrame } from "./canvas.js";
import { END_FRAMES } from "./frame-grabber.js";
import { orderFrameTimes } from "./frame-order.js";

const MAX_PX = 480;

/**
 * The background's first and last frame side by side, which shows how well the loop closes. For a boomerang loop the
 * last one is the frame at which the direction changes.
 */
export class EndFrames {
  #parts;
  #defaultCaption;
  #grabber = null;
  #cancelRequests = [];
  #onDrawn;

  /** onDrawn(name, canvas) is called when a frame has been drawn; the name is "first" or "last". */
  constructor(parts, onDrawn) {
    this.#parts = parts;
    this.#defaultCaption = parts.last_frame_caption.textContent;
    this.#onDrawn = onDrawn;
  }

  use(grabber) {
    this.#grabber = grabber;
  }

  /** `settings` as orderFrameTimes takes them. */
  show(settings) {
    const { first_frame: first, last_frame: last, last_frame_caption: caption } = this.#parts;
    const frames = orderFrameTimes(settings);
    const isBoomerang = settings.loop === "boomerang";
    const [lastS, fadeInS] = isBoomerang ? frames[Math.floor(frames.length / 2)] : frames.at(-1);
    const { turn, faded } = caption.dataset;
    caption.textContent = { boomerang: turn, crossfade: faded }[settings.loop] ?? this.#defaultCaption;
    last.setAttribute("aria-label", caption.textContent);
    for (const cancel of this.#cancelRequests) cancel();
    this.#cancelRequests = [
      this.#grabber?.grab(frames[0][0], END_FRAMES, (video) => this.#onDrawn("first", copyFrame(video, first, MAX_PX))),
      this.#grabber?.grab(fadeInS ?? lastS, END_FRAMES, (video) => this.#onDrawn("last", copyFrame(video, last, MAX_PX))),
    ].filter(Boolean);
  }
}
