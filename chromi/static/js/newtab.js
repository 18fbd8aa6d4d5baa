import { partsOf } from "./parts.js";

/** WCAG's floor for large words. Chrome's are small, but it gives them a shadow. */
const READABLE_CONTRAST = 3;
/** Enough to tell what lies behind a word, and quick to read. */
const SAMPLE_WIDTH_PX = 640;

/** Relative luminance, 0 to 1, of a byte of one channel of sRGB. */
const LINEAR = Float64Array.from({ length: 256 }, (_, byte) => {
  const value = byte / 255;
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
});

/** Draw the picture as CSS `cover` does, in the page's shape. */
function drawCover(still, pageBox) {
  const canvas = document.createElement("canvas");
  canvas.width = SAMPLE_WIDTH_PX;
  canvas.height = Math.round((SAMPLE_WIDTH_PX * pageBox.height) / pageBox.width);
  const scale = Math.max(canvas.width / still.naturalWidth, canvas.height / still.naturalHeight);
  const [width, height] = [still.naturalWidth * scale, still.naturalHeight * scale];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(still, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
  return context;
}

/** Contrast of white, 1 to 21, against the mean of what lies in a box of the page. */
function contrastOfWhite(context, box, pageBox) {
  const scale = SAMPLE_WIDTH_PX / pageBox.width;
  const [x, y] = [(box.left - pageBox.left) * scale, (box.top - pageBox.top) * scale];
  const [width, height] = [Math.max(1, box.width * scale), Math.max(1, box.height * scale)];
  const { data } = context.getImageData(Math.floor(x), Math.floor(y), Math.ceil(width), Math.ceil(height));
  let luminance = 0;
  for (let at = 0; at < data.length; at += 4) {
    luminance += 0.2126 * LINEAR[data[at]] + 0.7152 * LINEAR[data[at + 1]] + 0.0722 * LINEAR[data[at + 2]];
  }
  return 1.05 / (luminance / (data.length / 4) + 0.05);
}

/** Say whether Chrome's white words can be read on the picture, in the window that is shown. */
export async function enhanceNewTab(root) {
  const { page, clear, bright } = partsOf(root);
  const words = [...root.querySelectorAll("[data-white]")];
  const dark = root.querySelector('[value="dark"]');
  dark.checked = matchMedia("(prefers-color-scheme: dark)").matches;

  clear.hidden = false;
  clear.classList.add("awaited");
  const still = new Image();
  still.src = root.dataset.still;
  try {
    await still.decode();
  } catch {
    clear.hidden = true;
    return; // It has expired meanwhile, or the connection broke: then nothing is said.
  }
  const judge = () => {
    const pageBox = page.getBoundingClientRect();
    const context = drawCover(still, pageBox);
    const contrasts = words.map((word) => contrastOfWhite(context, word.getBoundingClientRect(), pageBox));
    clear.hidden = Math.min(...contrasts) < READABLE_CONTRAST;
    bright.hidden = !clear.hidden;
  };
  clear.classList.remove("awaited");
  judge();
  root.addEventListener("change", judge);
}
