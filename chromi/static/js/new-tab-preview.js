import { drawCover } from "./canvas.js";
import { partsOf } from "./dom.js";

/** WCAG 1.4.3 requires 3:1 for large text. Chrome's text is small, but has a shadow. */
const MIN_CONTRAST = 3;
/** Wide enough to measure what lies behind a word, and fast to read. */
const SAMPLE_WIDTH_PX = 640;

/** Linear light, 0 to 1, of each byte of an sRGB channel (WCAG's definition of relative luminance). */
const LINEAR = Float64Array.from({ length: 256 }, (_, byte) => {
  const value = byte / 255;
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
});

/** Draw the image as the page of this size shows it, and return the canvas's context. */
function drawPage(still, pageBox) {
  const canvas = document.createElement("canvas");
  canvas.width = SAMPLE_WIDTH_PX;
  canvas.height = Math.round((SAMPLE_WIDTH_PX * pageBox.height) / pageBox.width);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  drawCover(still, canvas);
  return context;
}

/** Return the contrast, 1 to 21, of white text against the mean color in a box of the page. */
function contrastOfWhite(context, box, pageBox) {
  const scale = SAMPLE_WIDTH_PX / pageBox.width;
  const [x, y] = [(box.left - pageBox.left) * scale, (box.top - pageBox.top) * scale];
  const [width, height] = [Math.max(1, box.width * scale), Math.max(1, box.height * scale)];
  const { data } = context.getImageData(Math.floor(x), Math.floor(y), Math.ceil(width), Math.ceil(height));
  let luminance = 0;
  for (let i = 0; i < data.length; i += 4) {
    luminance += 0.2126 * LINEAR[data[i]] + 0.7152 * LINEAR[data[i + 1]] + 0.0722 * LINEAR[data[i + 2]];
  }
  return 1.05 / (luminance / (data.length / 4) + 0.05);
}

/** Say whether Chrome's white text is readable on the background in the selected window. */
export async function enhanceNewTabPreview(root) {
  const { page, readable_note: readable, unreadable_note: unreadable } = partsOf(root);
  const whiteTexts = [...root.querySelectorAll("[data-white-text]")];
  const dark = root.querySelector('[value="dark"]');
  dark.checked = matchMedia("(prefers-color-scheme: dark)").matches;

  readable.hidden = false;
  readable.classList.add("reserved");
  const still = new Image();
  still.src = root.dataset.still;
  try {
    await still.decode();
  } catch {
    readable.hidden = true;
    return; // the image has expired or the connection broke: neither note is shown
  }
  const measure = () => {
    const pageBox = page.getBoundingClientRect();
    const context = drawPage(still, pageBox);
    const contrasts = whiteTexts.map((text) => contrastOfWhite(context, text.getBoundingClientRect(), pageBox));
    readable.hidden = Math.min(...contrasts) < MIN_CONTRAST;
    unreadable.hidden = !readable.hidden;
  };
  readable.classList.remove("reserved");
  measure();
  root.addEventListener("change", measure);
}
