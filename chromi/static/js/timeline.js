import { Filmstrip } from "./filmstrip.js";
import { shortTimecode } from "./timecode.js";
import { fill } from "./words.js";

/** Zoomed in as far as it goes, the window takes two fifths of the strip. */
const MOST_OF_STRIP = 0.4;
const EDGE_PX = 32;
/** At the strip's edge the clip moves on by this share of what is shown, each second. */
const EDGE_SPEED = 0.8;

function between(value, low, high) {
  return Math.min(Math.max(low, value), Math.max(low, high));
}

/** The strip of pictures with the window over it: what part of the clip is shown, and dragging. */
export class Timeline {
  #parts;
  #trim;
  #film;
  #zoom = 0;
  #fromS = 0;
  #playheadS = 0;

  constructor(parts, trim) {
    this.#parts = parts;
    this.#trim = trim;
    this.#film = new Filmstrip(parts.filmstrip);
    this.#takeDrags();
    parts.closer.addEventListener("click", () => this.#zoomTo(this.#zoom + 1));
    parts.wider.addEventListener("click", () => this.#zoomTo(this.#zoom - 1));
    parts.strip.addEventListener("wheel", (event) => this.#pan(event), { passive: false });
    // Arrow keys are keys.js's; what else moves a slider (Home, a screen reader) comes here.
    parts.slider.addEventListener("input", () => trim.moveTo(Number(parts.slider.value)));
    trim.addEventListener("change", () => {
      if (!trim.isKnown) return;
      this.#reveal();
      this.#render();
    });
  }

  use(grabber) {
    this.#film.use(grabber);
  }

  showPlayhead(timeS) {
    this.#playheadS = timeS;
    const { playhead } = this.#parts;
    const share = (timeS - this.#fromS) / this.#spanS;
    playhead.hidden = !(share >= 0 && share <= 1);
    playhead.style.setProperty("--at", share);
  }

  get #spanS() {
    return this.#trim.durationS / 2 ** this.#zoom;
  }

  get #mostZoom() {
    const { durationS, endS, startS } = this.#trim;
    return Math.max(0, Math.floor(Math.log2((MOST_OF_STRIP * durationS) / (endS - startS))));
  }

  #zoomTo(zoom) {
    this.#zoom = between(zoom, 0, this.#mostZoom);
    this.#fromS = (this.#trim.startS + this.#trim.endS - this.#spanS) / 2;
    this.#reveal();
    this.#render();
    this.#keepFocus();
  }

  /** A button that is disabled loses the focus: zoomed as far as it goes, the other one has it. */
  #keepFocus() {
    const { closer, wider } = this.#parts;
    if (!document.activeElement.disabled) return;
    (closer.disabled ? wider : closer).focus();
  }

  #scrollTo(fromS) {
    this.#fromS = between(fromS, 0, this.#trim.durationS - this.#spanS);
  }

  /** Scroll as little as shows all of the window. */
  #reveal() {
    this.#zoom = between(this.#zoom, 0, this.#mostZoom);
    const { startS, endS } = this.#trim;
    const room = this.#spanS * 0.02;
    this.#scrollTo(between(this.#fromS, endS + room - this.#spanS, startS - room));
  }

  #pan(event) {
    if (this.#zoom === 0 || Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return;
    event.preventDefault();
    this.#scrollTo(this.#fromS + (event.deltaX / this.#parts.strip.clientWidth) * this.#spanS);
    this.#render();
  }

  #render() {
    const { strip, slider, overview, from, to, span, zoom, closer, wider } = this.#parts;
    const { startS, endS, lastStartS, durationS } = this.#trim;
    strip.style.setProperty("--at", (startS - this.#fromS) / this.#spanS);
    strip.style.setProperty("--share", (endS - startS) / this.#spanS);
    overview.style.setProperty("--at", this.#fromS / durationS);
    overview.style.setProperty("--share", this.#spanS / durationS);
    overview.hidden = this.#zoom === 0;
    zoom.hidden = this.#mostZoom === 0;
    closer.disabled = this.#zoom >= this.#mostZoom;
    wider.disabled = this.#zoom === 0;
    slider.max = Math.floor(lastStartS * 10) / 10;
    slider.value = startS;
    const words = { start: shortTimecode(startS), end: shortTimecode(endS) };
    slider.setAttribute("aria-valuetext", fill(slider.dataset.value, words));
    span.textContent = `${words.start} – ${words.end}`;
    from.textContent = shortTimecode(this.#fromS);
    to.textContent = shortTimecode(this.#fromS + this.#spanS);
    this.#film.show(this.#fromS, this.#spanS, durationS);
    this.showPlayhead(this.#playheadS);
  }

  #takeDrags() {
    const { strip, slider } = this.#parts;
    let drag = null;
    const secondsAt = (clientX) => {
      const { left, width } = this.#parts.filmstrip.getBoundingClientRect();
      return this.#fromS + ((clientX - left) / width) * this.#spanS;
    };
    const follow = () => this.#trim.moveTo(secondsAt(drag.clientX) - drag.gripS);
    const end = () => {
      cancelAnimationFrame(drag?.frame);
      drag = null;
      strip.classList.remove("dragging");
    };
    strip.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      strip.setPointerCapture(event.pointerId);
      slider.focus({ preventScroll: true });
      const isHeld = event.target.closest(".window");
      const lengthS = this.#trim.endS - this.#trim.startS;
      // Pressed beside the window, it comes there.
      drag = { clientX: event.clientX, gripS: isHeld ? secondsAt(event.clientX) - this.#trim.startS : lengthS / 2 };
      strip.classList.add("dragging");
      if (!isHeld) follow();
      this.#scrollAtEdges(() => drag, follow);
    });
    strip.addEventListener("pointermove", (event) => {
      if (!drag) return;
      drag.clientX = event.clientX;
      follow();
    });
    for (const name of ["pointerup", "pointercancel"]) strip.addEventListener(name, end);
  }

  /** While the window is held at an edge of a zoomed strip, the clip moves on under it. */
  #scrollAtEdges(held, follow) {
    let last = performance.now();
    const turn = (now) => {
      const drag = held();
      if (!drag) return;
      const { left, right } = this.#parts.strip.getBoundingClientRect();
      const direction = Number(drag.clientX > right - EDGE_PX) - Number(drag.clientX < left + EDGE_PX);
      if (this.#zoom > 0 && direction !== 0) {
        this.#scrollTo(this.#fromS + (direction * EDGE_SPEED * this.#spanS * (now - last)) / 1000);
        follow();
        this.#render();
      }
      last = now;
      drag.frame = requestAnimationFrame(turn);
    };
    held().frame = requestAnimationFrame(turn);
  }
}
