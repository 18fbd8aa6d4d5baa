import { fill, seconds } from "./format.js";
import { backgroundDurationS } from "./frame-order.js";
import { DEFAULT_LENGTH_S, MIN_LENGTH_S } from "./studio-settings.js";

/** Show a sentence instead of the trim controls if all of the clip is used. */
export function showWholeClip(root, { whole_clip_message: message, length, length_label: label }, trimWindow, settings) {
  root.classList.toggle("whole-clip", trimWindow.isWholeClip);
  length.hidden = trimWindow.hasClipDuration && trimWindow.clipDurationS < MIN_LENGTH_S;
  label.textContent = trimWindow.isWholeClip ? label.dataset.whole : label.dataset.partial;
  message.hidden = !trimWindow.isWholeClip;
  message.textContent = fill(wordsOf(message, settings), {
    length: seconds(trimWindow.clipDurationS),
    total: seconds(backgroundDurationS(settings)),
  });
  // The sentence gets the focus of the controls that it hides.
  if (trimWindow.isWholeClip && document.activeElement?.closest(".studio .partial-clip-only")) {
    message.tabIndex = -1;
    message.focus({ preventScroll: true });
  }
}

/** Return the sentence that says how all of the clip is used. */
function wordsOf(message, { loop, short }) {
  if (loop === "cut" && message.dataset[short]) return message.dataset[short];
  return loop === "boomerang" ? message.dataset.bothWays : message.dataset.words;
}

/** Say in the heading and in the tab's title what there is to choose. */
export function showTitle(trimWindow) {
  const heading = document.querySelector("h1");
  const { whole, six, other } = heading.dataset;
  const partial = trimWindow.lengthS === DEFAULT_LENGTH_S ? six : other;
  heading.textContent = trimWindow.isWholeClip ? whole : partial;
  document.title = `${heading.textContent} · Chromi`;
}
