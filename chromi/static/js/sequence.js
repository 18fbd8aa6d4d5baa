import { copyPicture, LOOP } from "./grabber.js";
import { FPS, orderPictures } from "./order.js";

/** Every second frame is shown: getting each out of the clip takes time. */
const STEP = 2;
/** 72 pictures of this size take about 20 MB. */
const MAX_PX = 400;

/** The loop as pictures, for what a video element cannot play: backwards, back and forth, mixed. */
export class Sequence {
  #shown;
  #pictures = new Map();
  #wishes = [];
  #screen;
  #frame = 0;
  #onPicture;

  constructor(screen, grabber, settings, onPicture) {
    this.#screen = screen;
    this.#shown = orderPictures(settings);
    this.#onPicture = onPicture;
    this.#collect(grabber);
  }

  stop() {
    for (const takeBack of this.#wishes) takeBack();
    cancelAnimationFrame(this.#frame);
  }

  /** Each picture is shown as it comes; with the last one the loop begins. */
  #collect(grabber) {
    const needed = this.#shown.filter((_, i) => i % STEP === 0);
    const times = new Set(needed.flatMap(([one, other]) => (other === undefined ? [one] : [one, other])));
    for (const timeS of times) {
      const wish = grabber.grab(timeS, LOOP, (video) => {
        this.#pictures.set(timeS, copyPicture(video, document.createElement("canvas"), MAX_PX));
        this.#paint([timeS]);
        if (this.#pictures.size === times.size) this.#run();
      });
      this.#wishes.push(wish);
    }
  }

  #run() {
    const began = performance.now();
    let last = -1;
    const turn = (now) => {
      const frame = Math.floor((Math.max(0, now - began) / 1000) * FPS) % this.#shown.length;
      const at = frame - (frame % STEP);
      if (at !== last) this.#paint(this.#shown[at]);
      last = at;
      this.#frame = requestAnimationFrame(turn);
    };
    this.#frame = requestAnimationFrame(turn);
  }

  #paint([timeS, otherS, share]) {
    const picture = this.#pictures.get(timeS);
    const { width, height } = picture;
    if (this.#screen.width !== width) this.#screen.width = width;
    if (this.#screen.height !== height) this.#screen.height = height;
    const context = this.#screen.getContext("2d");
    context.globalAlpha = 1;
    context.drawImage(picture, 0, 0);
    if (otherS !== undefined) {
      context.globalAlpha = share;
      context.drawImage(this.#pictures.get(otherS), 0, 0);
    }
    this.#screen.hidden = false;
    this.#onPicture(this.#screen, timeS);
  }
}
