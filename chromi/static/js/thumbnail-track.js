import { drawCover } from "./canvas.js";
import { THUMBNAILS } from "./frame-grabber.js";

const ASPECT_RATIO = 16 / 9;
const CACHE_SIZE = 300;

/** Thumbnails of the visible part of the clip, side by side on one canvas. */
export class ThumbnailTrack {
  #canvas;
  #grabber = null;
  /** Thumbnails by their time in seconds. */
  #cache = new Map();
  /** Functions that cancel a pending request, by its time in seconds. */
  #pending = new Map();
  #view = null;
  #animationFrame = 0;

  constructor(canvas) {
    this.#canvas = canvas;
    new ResizeObserver(() => this.#scheduleDraw()).observe(canvas);
  }

  use(grabber) {
    this.#cache.clear();
    this.#pending.clear();
    this.#grabber = grabber;
    this.#scheduleDraw();
  }

  /** Show the clip from `startS` for `spanS` seconds. */
  show(startS, spanS, clipDurationS) {
    this.#view = { startS, spanS, clipDurationS };
    this.#scheduleDraw();
  }

  #scheduleDraw() {
    if (this.#animationFrame || !this.#view) return;
    this.#animationFrame = requestAnimationFrame(() => {
      this.#animationFrame = 0;
      this.#draw();
    });
  }

  /** The slots lie on a grid that starts with the clip, so scrolling finds thumbnails in the cache. */
  #slots() {
    const { startS, spanS, clipDurationS } = this.#view;
    const { width, height } = this.#canvas;
    const stepS = spanS / Math.max(1, Math.round(width / (height * ASPECT_RATIO)));
    const slots = [];
    for (let i = Math.floor(startS / stepS + 1e-6); i * stepS < startS + spanS - 1e-6; i += 1) {
      const timeS = Math.min((i + 0.5) * stepS, Math.max(0, clipDurationS - 0.1));
      slots.push({ timeS, x: ((i * stepS - startS) / spanS) * width, width: (stepS / spanS) * width });
    }
    return slots;
  }

  #draw() {
    const canvas = this.#canvas;
    if (canvas.clientWidth === 0) return;
    const width = Math.round(canvas.clientWidth * devicePixelRatio);
    const height = Math.round(canvas.clientHeight * devicePixelRatio);
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const slots = this.#slots();
    this.#updateRequests(slots);
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, width, height);
    for (const slot of slots) {
      const thumbnail = this.#cache.get(slot.timeS) ?? this.#nearestTo(slot.timeS);
      if (thumbnail) context.drawImage(thumbnail, Math.round(slot.x), 0, Math.ceil(slot.width), height);
    }
  }

  #nearestTo(timeS) {
    let nearestS = null;
    for (const cachedS of this.#cache.keys()) {
      if (nearestS === null || Math.abs(cachedS - timeS) < Math.abs(nearestS - timeS)) nearestS = cachedS;
    }
    return this.#cache.get(nearestS);
  }

  /** Request the missing thumbnails, and cancel the requests of those that have scrolled out of view. */
  #updateRequests(slots) {
    if (!this.#grabber) return;
    const visibleTimes = new Set(slots.map(({ timeS }) => timeS));
    for (const [timeS, cancel] of this.#pending) {
      if (visibleTimes.has(timeS)) continue;
      cancel();
      this.#pending.delete(timeS);
    }
    for (const { timeS, width } of slots) {
      if (this.#cache.has(timeS) || this.#pending.has(timeS)) continue;
      this.#pending.set(timeS, this.#grabber.grab(timeS, THUMBNAILS, (video) => this.#store(timeS, width, video)));
    }
  }

  #store(timeS, width, video) {
    const thumbnail = document.createElement("canvas");
    Object.assign(thumbnail, { width: Math.ceil(width), height: this.#canvas.height });
    drawCover(video, thumbnail);
    this.#pending.delete(timeS);
    this.#cache.set(timeS, thumbnail);
    if (this.#cache.size > CACHE_SIZE) this.#cache.delete(this.#cache.keys().next().value);
    this.#scheduleDraw();
  }
}
