import { fill } from "./format.js";
import { exactTimecode, parseTimecode, shortTimecode } from "./timecode.js";

/** The text field with the window's start. It follows the window, and an invalid start stays as it was typed. */
export class StartField {
  #field;
  #hint;
  #hintText;
  #trimWindow;
  #shownStartS = 0;
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
    this.#field.addEventListener("focus", () => this.#hint.scrollIntoView({ block: "nearest" }));
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
    this.#shownStartS = this.#trimWindow.startS;
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
    // Text that is being edited is kept, and so is invalid text until the window moves. The clip's duration, which may
    // arrive meanwhile, and the length only decide if it is valid.
    const isEdited = document.activeElement === this.#field;
    const isInvalid = !this.#field.validity.valid && this.#trimWindow.startS === this.#shownStartS;
    if ((isEdited || isInvalid) && !this.#trimWindow.isWholeClip) {
      this.#read();
      if (!isEdited) this.#showValidity();
      return;
    }
    this.#shownStartS = this.#trimWindow.startS;
    this.#field.setCustomValidity("");
    this.#field.value = exactTimecode(this.#trimWindow.startS);
    this.#showValidity();
  }
}
