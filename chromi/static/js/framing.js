import { drawCover } from "./canvas.js";
import { Crop } from "./crop.js";
import { fill, percent } from "./format.js";

const KEY_STEP = 0.02;
const BLURRED_SIZE_PX = [64, 36];
const EDGE_SAMPLE_PX = 16;
const KEY_DIRECTIONS = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1, Home: -Infinity, End: Infinity };

/** Return the mean color of an image's edge, which the encoder uses for "auto". */
function edgeColor(image) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = EDGE_SAMPLE_PX;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0, EDGE_SAMPLE_PX, EDGE_SAMPLE_PX);
  const { data } = context.getImageData(0, 0, EDGE_SAMPLE_PX, EDGE_SAMPLE_PX);
  const last = EDGE_SAMPLE_PX - 1;
  const sums = [0, 0, 0];
  let count = 0;
  for (let i = 0; i < EDGE_SAMPLE_PX * EDGE_SAMPLE_PX; i += 1) {
    const [x, y] = [i % EDGE_SAMPLE_PX, Math.floor(i / EDGE_SAMPLE_PX)];
    if (x > 0 && x < last && y > 0 && y < last) continue;
    count += 1;
    for (let channel = 0; channel < 3; channel += 1) sums[channel] += data[4 * i + channel];
  }
  return `rgb(${sums.map((sum) => Math.round(sum / count)).join(" ")})`;
}

/** Shows how a clip that is not 16:9 fills the tab, and lets a person drag the part that is kept. */
export class Framing {
  #root;
  #parts;
  #form;
  #ratio = 16 / 9;
  #edgeColor = "";

  constructor(root, parts, form) {
    this.#root = root;
    this.#parts = parts;
    this.#form = form;
    [parts.backdrop.width, parts.backdrop.height] = BLURRED_SIZE_PX;
    form.addEventListener("input", () => this.#render());
    parts.pad_color.addEventListener("input", () => this.#onColorPicked());
    this.#handleDrags();
    this.#handleKeys();
    this.#render();
  }

  /** Set the clip's aspect ratio, width by height. */
  setRatio(ratio) {
    this.#ratio = ratio;
    this.#parts.framing.hidden = !this.#crop.isNeeded;
    this.#render();
  }

  /** Take the automatic padding color from the background's first frame. */
  setFirstFrame(image) {
    this.#edgeColor = edgeColor(image);
    this.#render();
  }

  /** Draw the blurred backdrop behind the frame that is shown now. */
  updateBackdrop(source) {
    const isReady = source.tagName !== "VIDEO" || source.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
    if (!this.#parts.backdrop.hidden && isReady) drawCover(source, this.#parts.backdrop);
  }

  get #crop() {
    return new Crop(this.#ratio, this.#form.elements.focus.value.split(",").map(Number));
  }

  #moveTo(center) {
    const { focus } = this.#form.elements;
    focus.value = this.#crop.focusAt(center).join(",");
    focus.dispatchEvent(new Event("input", { bubbles: true }));
  }

  #onColorPicked() {
    const { pad_color: color, custom_pad: radio } = this.#parts;
    radio.value = color.value;
    radio.checked = true;
    radio.dispatchEvent(new Event("input", { bubbles: true }));
  }

  #render() {
    const { framing, pad } = this.#form.elements;
    const crop = this.#crop;
    const isCropped = framing.value === "fill" || !crop.isNeeded;
    const padColor = pad.value === "auto" ? this.#edgeColor : pad.value;
    const { style } = this.#root;
    style.setProperty("--object-fit", isCropped ? "cover" : "contain");
    style.setProperty("--object-position", isCropped ? crop.objectPosition : "50% 50%");
    style.setProperty("--padding-color", framing.value === "fit" ? padColor : "");
    this.#parts.backdrop.hidden = isCropped || framing.value !== "blur";
    this.#parts.focus_point.hidden = !isCropped || !crop.isNeeded;
    this.#describe(crop);
  }

  #describe(crop) {
    const { focus_point: handle } = this.#parts;
    const { across, down } = handle.dataset;
    handle.setAttribute("aria-orientation", crop.isHorizontal ? "horizontal" : "vertical");
    handle.setAttribute("aria-valuenow", Math.round(100 * crop.center));
    handle.setAttribute("aria-valuetext", fill(crop.isHorizontal ? across : down, { share: percent(crop.center) }));
  }

  /** The image follows the pointer, so the kept part moves in the opposite direction. */
  #handleDrags() {
    const { focus_point: handle, media_frame: frame } = this.#parts;
    let drag = null;
    const positionOf = (event) => (this.#crop.isHorizontal ? event.clientX : event.clientY);
    handle.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      handle.setPointerCapture(event.pointerId);
      drag = { startPx: positionOf(event), startCenter: this.#crop.center };
    });
    handle.addEventListener("pointermove", (event) => {
      if (!drag) return;
      const crop = this.#crop;
      const sizePx = crop.isHorizontal ? frame.clientWidth : frame.clientHeight;
      this.#moveTo(drag.startCenter - ((positionOf(event) - drag.startPx) / sizePx) * crop.keptFraction);
    });
    for (const name of ["pointerup", "pointercancel"]) handle.addEventListener(name, () => (drag = null));
  }

  #handleKeys() {
    this.#parts.focus_point.addEventListener("keydown", (event) => {
      const direction = KEY_DIRECTIONS[event.key];
      if (direction === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      this.#moveTo(this.#crop.center + direction * KEY_STEP * (event.shiftKey ? 5 : 1));
    });
  }
}
