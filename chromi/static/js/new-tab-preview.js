import { pauseImage } from "./animated-image.js";
import { drawCover } from "./canvas.js";
import { partsOf } from "./dom.js";

/** WCAG 1.4.3 requires 3:1 for large text. Chrome's text is small, but has a shadow. */
const MIN_CONTRAST = 3;
/** The strongest darkening that the studio offers, in percent, and the step to which the suggestion is rounded up. */
const MAX_DARKEN = 60;
const DARKEN_STEP = 5;
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

/** Return the relative luminance, 0 to 1, of the mean color in a box of the page. */
function luminanceOf(context, box, pageBox) {
  const scale = SAMPLE_WIDTH_PX / pageBox.width;
  const [x, y] = [(box.left - pageBox.left) * scale, (box.top - pageBox.top) * scale];
  const [width, height] = [Math.max(1, box.width * scale), Math.max(1, box.height * scale)];
  const { data } = context.getImageData(Math.floor(x), Math.floor(y), Math.ceil(width), Math.ceil(height));
  let luminance = 0;
  for (let i = 0; i < data.length; i += 4) {
    luminance += 0.2126 * LINEAR[data[i]] + 0.7152 * LINEAR[data[i + 1]] + 0.0722 * LINEAR[data[i + 2]];
  }
  return luminance / (data.length / 4);
}

/** Return the contrast, 1 to 21, of white text on a color of this luminance. */
function contrastOfWhite(luminance) {
  return 1.05 / (luminance + 0.05);
}

/** Return how many percent of darkening make white text readable on a color of this luminance, which has `current` percent. */
function darkenFor(luminance, current) {
  const targetLuminance = 1.05 / MIN_CONTRAST - 0.05;
  // A black layer multiplies the sRGB values, which are about the 2.2nd root of the luminance.
  const share = 1 - (1 - current / 100) * (targetLuminance / luminance) ** (1 / 2.2);
  return Math.min(MAX_DARKEN, Math.ceil((100 * share) / DARKEN_STEP) * DARKEN_STEP);
}

function suggestDarkening(link, luminance) {
  const url = new URL(link.href);
  url.searchParams.set("darken", darkenFor(luminance, Number(link.dataset.darken)));
  link.href = url;
}

/** Say whether Chrome's white text is readable on the background in the selected window. */
export async function enhanceNewTabPreview(root) {
  const { page, image, motion_toggle: toggle, darken_link: darkenLink } = partsOf(root);
  const { readable_note: readable, unreadable_note: unreadable } = partsOf(root);
  pauseImage(image, toggle);
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
    const luminances = whiteTexts.map((text) => luminanceOf(context, text.getBoundingClientRect(), pageBox));
    const brightest = Math.max(...luminances);
    readable.hidden = contrastOfWhite(brightest) < MIN_CONTRAST;
    unreadable.hidden = !readable.hidden;
    if (readable.hidden && darkenLink) suggestDarkening(darkenLink, brightest);
  };
  readable.classList.remove("reserved");
  measure();
  root.addEventListener("change", measure);
}
