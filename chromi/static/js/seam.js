import { copyPicture, SEAM } from "./grabber.js";
import { orderPictures } from "./order.js";

const MAX_PX = 480;

/** The background's first and last picture side by side; going back and forth, the last is where it turns. */
export class Seam {
  #parts;
  #words;
  #grabber = null;
  #wishes = [];
  #onFirst;

  /** onFirst(canvas) is called when the first picture has been drawn. */
  constructor(parts, onFirst) {
    this.#parts = parts;
    this.#words = parts.last_words.textContent;
    this.#onFirst = onFirst;
  }

  use(grabber) {
    this.#grabber = grabber;
  }

  /** `settings` as orderPictures takes them. */
  show(settings) {
    const { first, last, last_words: words } = this.#parts;
    const shown = orderPictures(settings);
    const turns = settings.loop === "boomerang";
    const [endS, fadedS] = turns ? shown[Math.floor(shown.length / 2)] : shown.at(-1);
    words.textContent = turns ? words.dataset.turn : this.#words;
    last.setAttribute("aria-label", words.textContent);
    for (const takeBack of this.#wishes) takeBack();
    this.#wishes = [
      this.#grabber?.grab(shown[0][0], SEAM, (video) => this.#onFirst(copyPicture(video, first, MAX_PX))),
      this.#grabber?.grab(fadedS ?? endS, SEAM, (video) => copyPicture(video, last, MAX_PX)),
    ].filter(Boolean);
  }
}
