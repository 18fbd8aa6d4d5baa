import { fill } from "./format.js";
import { exactTimecode, parseTimecode, shortTimecode } from "./timecode.js";

/** The text field with the window's start. It follows the window, and an invalid start stays as it was typed. */
export class StartField {
  #field;
  #hint;
  #hintText;
  #trimWindow;
  #isTyping = false;

  /** The hint below the field says what is wrong once the person leaves the field. */
  constructor(field, hint, trimWindow) {
    this.#field = field;
    this.#hint = hint;
    this.#hintText = hint.textContent;
    this.#trimWindow = trimWindow;
  }

  /** Read the field, and keep field and window together from now on. */
  start() {
    this.#trimWindow.addEventListener("change", () => this.#update());
    this.#field.addEventListener("input", () => this.#read());
    this.#field.addEventListener("change", () => this.#showValidity());
    this.#read();
    if (this.#field.validity.valid && document.activeElement !== this.#field) this.#update();
  }

  #read() {
    const startS = parseTimecode(this.#field.value);
    this.#field.setCustomValidity(this.#problemWith(startS));
    if (!this.#field.validity.valid) return;
    this.#showValidity();
    this.#isTyping = true;
    this.#trimWindow.moveTo(startS);
    this.#isTyping = false;
  }

  #showValidity() {
    const { validity, validationMessage } = this.#field;
    const text = validity.valid ? this.#hintText : validationMessage;
    if (this.#hint.textContent === text) return;
    this.#hint.textContent = text;
    this.#hint.classList.toggle("danger", !validity.valid);
  }

  /** Return why the window cannot start there, or an empty string. */
  #problemWith(startS) {
    const { wrong, late } = this.#field.dataset;
    if (startS === null) return wrong;
    const { hasClipDuration, isWholeClip, lastStartS } = this.#trimWindow;
    const isLate = hasClipDuration && !isWholeClip && startS > lastStartS + 0.1;
    return isLate ? fill(late, { time: shortTimecode(lastStartS) }) : "";
  }

  #update() {
    if (this.#isTyping) return;
    // Text that is being edited is kept; the clip's duration, which arrives meanwhile, only decides if it is valid.
    if (document.activeElement === this.#field && !this.#trimWindow.isWholeClip) {
      this.#read();
      return;
    }
    this.#field.setCustomValidity("");
    this.#field.value = exactTimecode(this.#trimWindow.startS);
    this.#showValidity();
  }
}
