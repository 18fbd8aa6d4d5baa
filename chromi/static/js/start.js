import { fullTimecode, parseTimecode, shortTimecode } from "./timecode.js";
import { fill } from "./words.js";

/** Keep the typed start and the window together; a start that cannot be stays as it was typed, and says so. */
export function linkStart(field, trim) {
  let isTyping = false;
  const { wrong, late } = field.dataset;
  const complaint = (startS) => {
    if (startS === null) return wrong;
    const isLate = trim.isKnown && !trim.isWhole && startS > trim.lastStartS + 0.1;
    return isLate ? fill(late, { time: shortTimecode(trim.lastStartS) }) : "";
  };
  const read = () => {
    const startS = parseTimecode(field.value);
    field.setCustomValidity(complaint(startS));
    if (!field.validity.valid) return;
    isTyping = true;
    trim.moveTo(startS);
    isTyping = false;
  };
  trim.addEventListener("change", () => {
    if (isTyping) return;
    field.setCustomValidity("");
    field.value = fullTimecode(trim.startS);
  });
  field.addEventListener("input", read);
  read();
}
