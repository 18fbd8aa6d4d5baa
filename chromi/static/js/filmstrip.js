import { drawCover, STRIP } from "./grabber.js";

const FRAME_SHAPE = 16 / 9;
const MAX_KEPT = 300;

/** Pictures from along the shown part of the clip, one after the other. */
export class Filmstrip {
  #canvas;
  #grabber = null;
  #kept = new Map();
  #wishes = new Map();
  #view = null;
  #frame = 0;

  constructor(canvas) {
    this.#canvas = canvas;
    new ResizeObserver(() => this.#refresh()).observe(canvas);
  }

  use(grabber) {
    this.#kept.clear();
    this.#wishes.clear();
    this.#grabber = grabber;
    this.#refresh();
  }

  show(fromS, spanS, durationS) {
    this.#view = { fromS, spanS, durationS };
    this.#refresh();
  }

  #refresh() {
    if (this.#frame || !this.#view) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  /** Slots lie on a grid from the clip's beginning, so that scrolling finds pictures that were drawn before. */
  #slots() {
    const { fromS, spanS, durationS } = this.#view;
    const { width, height } = this.#canvas;
    const stepS = spanS / Math.max(1, Math.round(width / (height * FRAME_SHAPE)));
    const slots = [];
    for (let i = Math.floor(fromS / stepS + 1e-6); i * stepS < fromS + spanS - 1e-6; i += 1) {
      const timeS = Math.min((i + 0.5) * stepS, Math.max(0, durationS - 0.1));
      slots.push({ timeS, x: ((i * stepS - fromS) / spanS) * width, width: (stepS / spanS) * width });
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
    this.#wish(slots);
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, width, height);
    for (const slot of slots) {
      const picture = this.#kept.get(slot.timeS) ?? this.#nearest(slot.timeS);
      if (picture) context.drawImage(picture, Math.round(slot.x), 0, Math.ceil(slot.width), height);
    }
  }

  #nearest(timeS) {
    let best = null;
    for (const keptS of this.#kept.keys()) {
      if (best === null || Math.abs(keptS - timeS) < Math.abs(best - timeS)) best = keptS;
    }
    return this.#kept.get(best);
  }

  /** Ask for what is missing, and take back what has scrolled out of sight. */
  #wish(slots) {
    if (!this.#grabber) return;
    const wanted = new Set(slots.map(({ timeS }) => timeS));
    for (const [timeS, takeBack] of this.#wishes) {
      if (wanted.has(timeS)) continue;
      takeBack();
      this.#wishes.delete(timeS);
    }
    for (const { timeS, width } of slots) {
      if (this.#kept.has(timeS) || this.#wishes.has(timeS)) continue;
      this.#wishes.set(timeS, this.#grabber.grab(timeS, STRIP, (video) => this.#keep(timeS, width, video)));
    }
  }

  #keep(timeS, width, video) {
    const picture = document.createElement("canvas");
    Object.assign(picture, { width: Math.ceil(width), height: this.#canvas.height });
    drawCover(video, picture);
    this.#wishes.delete(timeS);
    this.#kept.set(timeS, picture);
    if (this.#kept.size > MAX_KEPT) this.#kept.delete(this.#kept.keys().next().value);
    this.#refresh();
  }
}
