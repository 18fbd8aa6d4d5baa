import { drawCover } from "./grabber.js";
import { fill, percent } from "./words.js";

const TAB_SHAPE = 16 / 9;
/** As the encoder: a picture this close to 16:9 has nothing to fit. */
const SAME_SHAPE = 0.02;
const KEY_STEP = 0.02;
const BLURRED_PX = [64, 36];
const EDGE_PX = 16;

function between(value, low, high) {
  return Math.min(Math.max(low, value), high);
}

/** The mean color of a picture's edge, as the encoder takes it for "auto". */
function edgeColor(picture) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = EDGE_PX;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0, EDGE_PX, EDGE_PX);
  const { data } = context.getImageData(0, 0, EDGE_PX, EDGE_PX);
  const sums = [0, 0, 0];
  let count = 0;
  for (let i = 0; i < EDGE_PX * EDGE_PX; i += 1) {
    const [x, y] = [i % EDGE_PX, Math.floor(i / EDGE_PX)];
    if (x > 0 && x < EDGE_PX - 1 && y > 0 && y < EDGE_PX - 1) continue;
    count += 1;
    sums.forEach((_, channel) => (sums[channel] += data[4 * i + channel]));
  }
  return `rgb(${sums.map((sum) => Math.round(sum / count)).join(" ")})`;
}

/** How a picture of another shape gets into the tab: shown live, and moved by dragging. */
export class Framing {
  #root;
  #parts;
  #form;
  #shape = TAB_SHAPE;
  #edge = "";

  constructor(root, parts, form) {
    this.#root = root;
    this.#parts = parts;
    this.#form = form;
    [parts.backdrop.width, parts.backdrop.height] = BLURRED_PX;
    form.addEventListener("input", () => this.#render());
    parts.pad_color.addEventListener("input", () => this.#takeColor());
    this.#takeDrags();
    this.#takeKeys();
    this.#render();
  }

  /** Width by height of the clip. */
  setShape(shape) {
    this.#shape = shape;
    this.#parts.framing.hidden = !this.#isOther;
    this.#render();
  }

  /** Learn the edge's color from the background's first picture. */
  takeEdge(picture) {
    this.#edge = edgeColor(picture);
    this.#render();
  }

  /** Lay the blurred copy behind the picture that is shown now. */
  layBehind(source) {
    const isReady = source.tagName !== "VIDEO" || source.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
    if (!this.#parts.backdrop.hidden && isReady) drawCover(source, this.#parts.backdrop);
  }

  get #isOther() {
    return Math.abs(this.#shape - TAB_SHAPE) >= SAME_SHAPE;
  }

  get #isAcross() {
    return this.#shape > TAB_SHAPE;
  }

  /** The share of the picture's longer way that the tab shows. */
  get #kept() {
    return this.#isAcross ? TAB_SHAPE / this.#shape : this.#shape / TAB_SHAPE;
  }

  get #focus() {
    return this.#form.elements.focus.value.split(",").map(Number);
  }

  get #along() {
    return between(this.#focus[this.#isAcross ? 0 : 1], this.#kept / 2, 1 - this.#kept / 2);
  }

  /** Move the middle of what is kept, a share of the picture from its left or top. */
  #moveTo(along) {
    const focus = this.#focus;
    const limited = between(along, this.#kept / 2, 1 - this.#kept / 2);
    focus[this.#isAcross ? 0 : 1] = Math.round(limited * 1000) / 1000;
    this.#form.elements.focus.value = focus.join(",");
    this.#form.elements.focus.dispatchEvent(new Event("input", { bubbles: true }));
  }

  #takeColor() {
    const { pad_color: color, pad_own: own } = this.#parts;
    own.value = color.value;
    own.checked = true;
    own.dispatchEvent(new Event("input", { bubbles: true }));
  }

  #render() {
    const { framing, pad } = this.#form.elements;
    const { backdrop, focus } = this.#parts;
    const isFilled = framing.value === "fill" || !this.#isOther;
    const { style } = this.#root;
    style.setProperty("--fit", isFilled ? "cover" : "contain");
    const share = this.#isOther ? (this.#along - this.#kept / 2) / (1 - this.#kept) : 0.5;
    const percent = `${(100 * share).toFixed(2)}%`;
    style.setProperty("--focus", isFilled ? (this.#isAcross ? `${percent} 50%` : `50% ${percent}`) : "50% 50%");
    style.setProperty("--pad", framing.value === "fit" ? (pad.value === "auto" ? this.#edge : pad.value) : "");
    backdrop.hidden = isFilled || framing.value !== "blur";
    this.#describe(focus, isFilled);
  }

  #describe(handle, isFilled) {
    handle.hidden = !isFilled || !this.#isOther;
    const { across, down } = handle.dataset;
    handle.setAttribute("aria-orientation", this.#isAcross ? "horizontal" : "vertical");
    handle.setAttribute("aria-valuenow", Math.round(100 * this.#along));
    handle.setAttribute("aria-valuetext", fill(this.#isAcross ? across : down, { share: percent(this.#along) }));
  }

  /** The picture goes along with the pointer, so what is kept moves the other way. */
  #takeDrags() {
    const { focus: handle, stage } = this.#parts;
    let drag = null;
    handle.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      handle.setPointerCapture(event.pointerId);
      drag = { at: this.#isAcross ? event.clientX : event.clientY, along: this.#along };
    });
    handle.addEventListener("pointermove", (event) => {
      if (!drag) return;
      const moved = (this.#isAcross ? event.clientX : event.clientY) - drag.at;
      const size = this.#isAcross ? stage.clientWidth : stage.clientHeight;
      this.#moveTo(drag.along - (moved / size) * this.#kept);
    });
    for (const name of ["pointerup", "pointercancel"]) handle.addEventListener(name, () => (drag = null));
  }

  #takeKeys() {
    const ways = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1, Home: -Infinity, End: Infinity };
    this.#parts.focus.addEventListener("keydown", (event) => {
      const way = ways[event.key];
      if (way === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      this.#moveTo(this.#along + way * KEY_STEP * (event.shiftKey ? 5 : 1));
    });
  }
}
