import { copyFrame } from "./canvas.js";
import { PLAYBACK } from "./frame-grabber.js";
import { FPS, orderFrameTimes } from "./frame-order.js";

/** Only every second frame is shown, because reading each one from the clip takes time. */
const STEP = 2;
/** 72 frames of this size take about 20 MB. */
const MAX_PX = 400;

/** Plays the loop from single frames, for what a video element cannot play: reverse, boomerang, crossfade. */
export class FrameSequence {
  #order;
  #frames = new Map();
  #cancelRequests = [];
  #canvas;
  #animationFrame = 0;
  #onFrame;

  /** Read the frames and play them; onFrame(canvas, timeS) is called for each one shown. */
  constructor(canvas, grabber, settings, onFrame) {
    this.#canvas = canvas;
    this.#order = orderFrameTimes(settings);
    this.#onFrame = onFrame;
    this.#readFrames(grabber);
  }

  stop() {
    for (const cancel of this.#cancelRequests) cancel();
    cancelAnimationFrame(this.#animationFrame);
  }

  /** Show each frame as it is read; playback starts after the last one. */
  #readFrames(grabber) {
    const needed = this.#order.filter((_, i) => i % STEP === 0);
    const times = new Set(needed.flatMap(([timeS, fadeInS]) => (fadeInS === undefined ? [timeS] : [timeS, fadeInS])));
    for (const timeS of times) {
      const cancel = grabber.grab(timeS, PLAYBACK, (video) => {
        this.#frames.set(timeS, copyFrame(video, document.createElement("canvas"), MAX_PX));
        this.#draw([timeS]);
        if (this.#frames.size === times.size) this.#play();
      });
      this.#cancelRequests.push(cancel);
    }
  }

  #play() {
    const startedAt = performance.now();
    let lastIndex = -1;
    const drawNext = (now) => {
      const frame = Math.floor((Math.max(0, now - startedAt) / 1000) * FPS) % this.#order.length;
      const index = frame - (frame % STEP);
      if (index !== lastIndex) this.#draw(this.#order[index]);
      lastIndex = index;
      this.#animationFrame = requestAnimationFrame(drawNext);
    };
    this.#animationFrame = requestAnimationFrame(drawNext);
  }

  #draw([timeS, fadeInS, opacity]) {
    const frame = this.#frames.get(timeS);
    const { width, height } = frame;
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    const context = this.#canvas.getContext("2d");
    context.globalAlpha = 1;
    context.drawImage(frame, 0, 0);
    if (fadeInS !== undefined) {
      context.globalAlpha = opacity;
      context.drawImage(this.#frames.get(fadeInS), 0, 0);
    }
    this.#canvas.hidden = false;
    this.#onFrame(this.#canvas, timeS);
  }
}
