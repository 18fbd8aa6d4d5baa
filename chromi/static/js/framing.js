import { drawCover } from "./canvas.js";
import { fill, percent } from "./format.js";
import { FrameLayout } from "./frame-layout.js";

const KEY_STEP = 0.02;
const BLURRED_SIZE_PX = [64, 36];
const EDGE_SAMPLE_PX = 16;
/** The direction in which a key moves the kept part, as [x, y]. */
const KEY_DIRECTIONS = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
  Home: [-Infinity, -Infinity],
  End: [Infinity, Infinity],
};

function toPercentage(share) {
  return `${(100 * share).toFixed(3)}%`;
}

/** Return the mean color of the edge of a part of an image, which the encoder uses for "auto". */
function edgeColor(image, { left, top, width, height }) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = EDGE_SAMPLE_PX;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const part = [left * image.width, top * image.height, width * image.width, height * image.height];
  context.drawImage(image, ...part, 0, 0, EDGE_SAMPLE_PX, EDGE_SAMPLE_PX);
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

/** Shows how the clip fills the background, and lets a person drag the part that is kept. */
export class Framing {
  #root;
  #parts;
  #form;
  #blackBars;
  #ratio = null;
  /** The background's frames that are drawn so far: "first" and "last". */
  #endFrames = new Map();

  constructor(root, parts, form, blackBars) {
    this.#root = root;
    this.#blackBars = blackBars;
    this.#parts = parts;
    this.#form = form;
    for (const { canvas } of this.#backdrops) [canvas.width, canvas.height] = BLURRED_SIZE_PX;
    form.addEventListener("input", () => this.#render());
    blackBars.addEventListener("change", () => this.#render());
    parts.pad_color.addEventListener("input", () => this.#onColorPicked());
    this.#handleDrags();
    this.#handleKeys();
  }

  /** Set the clip's aspect ratio, width by height. */
  setRatio(ratio) {
    this.#ratio = ratio;
    this.#render();
  }

  /** Take the background's "first" or "last" frame, for its backdrop and the automatic padding color. */
  setEndFrame(name, image) {
    this.#endFrames.set(name, image);
    this.#render();
  }

  /** Draw the blurred backdrop behind the frame that is shown now. */
  updateBackdrop(source) {
    const isReady = source.tagName !== "VIDEO" || source.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
    if (!this.#parts.backdrop.hidden && isReady) drawCover(source, this.#parts.backdrop, this.#keptOfFrame(this.#layout));
  }

  get #backdrops() {
    const { backdrop, first_backdrop: first, last_backdrop: last } = this.#parts;
    const frames = this.#endFrames;
    return [{ canvas: backdrop }, { canvas: first, frame: frames.get("first") }, { canvas: last, frame: frames.get("last") }];
  }

  get #layout() {
    const { framing, focus, zoom } = this.#form.elements;
    const { width, height } = this.#blackBars.content;
    return new FrameLayout({
      ratio: (this.#ratio * width) / height,
      framing: framing.value,
      focus: focus.value.split(",").map(Number),
      zoom: Number(zoom.value),
    });
  }

  /** Return the kept part of the whole frame. The layout is that of the content within the bars. */
  #keptOfFrame({ kept }) {
    const { left, top, width, height } = this.#blackBars.content;
    return {
      left: left + kept.left * width,
      top: top + kept.top * height,
      width: kept.width * width,
      height: kept.height * height,
    };
  }

  #moveTo(center) {
    const { focus } = this.#form.elements;
    focus.value = this.#layout.focusAt(center).join(",");
    focus.dispatchEvent(new Event("input", { bubbles: true }));
  }

  #onColorPicked() {
    const { pad_color: color, custom_pad: radio } = this.#parts;
    radio.value = color.value;
    radio.checked = true;
    radio.dispatchEvent(new Event("input", { bubbles: true }));
  }

  #render() {
    if (this.#ratio === null) return;
    const layout = this.#layout;
    this.#place(layout.frame);
    this.#root.style.setProperty("--padding-color", this.#paddingColor(layout));
    this.#showBackdrops(layout);
    const isCropped = layout.isHorizontallyCropped || layout.isVerticallyCropped;
    this.#parts.focus_point.hidden = this.#parts.focus_hint.hidden = !isCropped;
    this.#describe(layout);
  }

  /** The one behind the player's frame is drawn by updateBackdrop(). */
  #showBackdrops(layout) {
    const isHidden = layout.isFilled || this.#form.elements.framing.value !== "blur";
    for (const { canvas, frame } of this.#backdrops) {
      canvas.hidden = isHidden;
      if (frame && !isHidden) drawCover(frame, canvas, this.#keptOfFrame(layout));
    }
  }

  /** Place the whole frame so that its content lies there; bars are clipped. */
  #place({ left, top, width, height }) {
    const { style } = this.#root;
    const { content } = this.#blackBars;
    const shares = {
      "--frame-left": left - (content.left * width) / content.width,
      "--frame-top": top - (content.top * height) / content.height,
      "--frame-width-share": width / content.width,
      "--frame-height-share": height / content.height,
    };
    for (const [name, share] of Object.entries(shares)) style.setProperty(name, toPercentage(share));
    const [right, bottom] = [1 - content.left - content.width, 1 - content.top - content.height];
    const bars = [content.top, right, bottom, content.left];
    style.setProperty("--frame-clip", bars.some((share) => share > 0) ? `inset(${bars.map(toPercentage).join(" ")})` : "none");
    style.setProperty("--object-fit", "fill");
  }

  #paddingColor(layout) {
    const { framing, pad } = this.#form.elements;
    if (layout.isFilled || framing.value !== "fit") return "";
    if (pad.value !== "auto") return pad.value;
    const firstFrame = this.#endFrames.get("first");
    return firstFrame ? edgeColor(firstFrame, this.#keptOfFrame(layout)) : "";
  }

  #describe(layout) {
    const { focus_point: handle } = this.#parts;
    const [across, down] = layout.center;
    const shown = layout.isHorizontallyCropped ? across : down;
    handle.setAttribute("aria-valuenow", Math.round(100 * shown));
    handle.setAttribute("aria-valuetext", fill(handle.dataset.position, { across: percent(across), down: percent(down) }));
  }

  /** The image follows the pointer, so the kept part moves in the opposite direction. */
  #handleDrags() {
    const { focus_point: handle, media_frame: box } = this.#parts;
    let drag = null;
    handle.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      handle.setPointerCapture(event.pointerId);
      drag = { startPx: [event.clientX, event.clientY], startCenter: this.#layout.center };
    });
    handle.addEventListener("pointermove", (event) => {
      if (!drag) return;
      const { width, height } = this.#layout.frame;
      const [startX, startY] = drag.startCenter;
      this.#moveTo([
        startX - (event.clientX - drag.startPx[0]) / (width * box.clientWidth),
        startY - (event.clientY - drag.startPx[1]) / (height * box.clientHeight),
      ]);
    });
    for (const name of ["pointerup", "pointercancel"]) handle.addEventListener(name, () => (drag = null));
  }

  #handleKeys() {
    this.#parts.focus_point.addEventListener("keydown", (event) => {
      const direction = KEY_DIRECTIONS[event.key];
      if (direction === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      const step = KEY_STEP * (event.shiftKey ? 5 : 1);
      this.#moveTo(this.#layout.center.map((value, axis) => value + (direction[axis] ? direction[axis] * step : 0)));
    });
  }
}
