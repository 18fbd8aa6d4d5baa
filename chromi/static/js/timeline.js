import { fill } from "./format.js";
import { ThumbnailTrack } from "./thumbnail-track.js";
import { shortTimecode } from "./timecode.js";
import { TimelineView } from "./timeline-view.js";

const EDGE_PX = 32;
/** While the window is held at an edge of the track, the view scrolls by this fraction of its span per second. */
const EDGE_SCROLL_PER_S = 0.8;

/** The clip's thumbnails with the window on them: zooming, scrolling, moving and resizing. */
export class Timeline {
  #parts;
  #trimWindow;
  #view;
  #thumbnails;
  #drag = null;
  #playheadS = 0;
  #onResize;
  /** True if the window is played forward and then backward. */
  isBoomerang = false;

  /** `onResize(edge, timeS)` is called while the window's "start" or "end" is dragged. */
  constructor(parts, trimWindow, onResize) {
    this.#parts = parts;
    this.#trimWindow = trimWindow;
    this.#onResize = onResize;
    this.#view = new TimelineView(trimWindow);
    this.#thumbnails = new ThumbnailTrack(parts.thumbnails);
    this.#handleDrags();
    parts.zoom_in.addEventListener("click", () => this.#zoomTo(this.#view.zoom + 1));
    parts.zoom_out.addEventListener("click", () => this.#zoomTo(this.#view.zoom - 1));
    parts.track.addEventListener("wheel", (event) => this.#onWheel(event), { passive: false });
    // keyboard-shortcuts.js handles the arrow keys. Home, End and screen readers change the slider itself.
    parts.slider.addEventListener("input", () => trimWindow.moveTo(Number(parts.slider.value)));
    trimWindow.addEventListener("change", () => {
      if (!trimWindow.hasClipDuration) return;
      // A view that moved while a handle is dragged would move the handle away from the pointer.
      if (!this.#drag?.edge) this.#view.reveal();
      this.#render();
    });
  }

  use(grabber) {
    this.#thumbnails.use(grabber);
  }

  showPlayhead(timeS) {
    this.#playheadS = timeS;
    const { playhead } = this.#parts;
    const position = this.#view.fractionOf(timeS);
    playhead.hidden = !(position >= 0 && position <= 1);
    playhead.style.setProperty("--position", position);
  }

  #zoomTo(zoom) {
    this.#view.zoomTo(zoom);
    this.#render();
    this.#restoreFocus();
  }

  /** A button that gets disabled loses the focus: at the last zoom level the other button gets it. */
  #restoreFocus() {
    const { zoom_in: zoomIn, zoom_out: zoomOut } = this.#parts;
    if (!document.activeElement.disabled) return;
    (zoomIn.disabled ? zoomOut : zoomIn).focus();
  }

  #onWheel(event) {
    if (this.#view.zoom === 0 || Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return;
    event.preventDefault();
    this.#view.scrollBy(event.deltaX / this.#parts.track.clientWidth);
    this.#render();
  }

  #render() {
    const { startS, spanS } = this.#view;
    const { clipDurationS } = this.#trimWindow;
    this.#renderWindow();
    this.#renderView();
    this.#thumbnails.show(startS, spanS, clipDurationS);
    this.showPlayhead(this.#playheadS);
  }

  #renderWindow() {
    const { track, slider, selection_times: times } = this.#parts;
    const { startS, endS, lastStartS } = this.#trimWindow;
    track.style.setProperty("--position", this.#view.fractionOf(startS));
    track.style.setProperty("--extent", (endS - startS) / this.#view.spanS);
    slider.max = Math.floor(lastStartS * 10) / 10;
    slider.value = startS;
    const [start, end] = [shortTimecode(startS), shortTimecode(endS)];
    slider.setAttribute("aria-valuetext", fill(slider.dataset.value, { start, end }));
    times.textContent = this.isBoomerang ? fill(times.dataset.boomerang, { start, end }) : `${start} – ${end}`;
  }

  #renderView() {
    const { overview, view_start: viewStart, view_end: viewEnd, timeline_zoom: zoomButtons } = this.#parts;
    const { zoom_in: zoomIn, zoom_out: zoomOut } = this.#parts;
    const { startS, spanS, zoom, maxZoom } = this.#view;
    const { clipDurationS } = this.#trimWindow;
    overview.style.setProperty("--position", startS / clipDurationS);
    overview.style.setProperty("--extent", spanS / clipDurationS);
    overview.hidden = zoom === 0;
    zoomButtons.hidden = maxZoom === 0;
    zoomIn.disabled = zoom >= maxZoom;
    zoomOut.disabled = zoom === 0;
    viewStart.textContent = shortTimecode(startS);
    viewEnd.textContent = shortTimecode(startS + spanS);
  }

  #handleDrags() {
    const { track } = this.#parts;
    track.addEventListener("pointerdown", (event) => this.#startDrag(event));
    track.addEventListener("pointermove", (event) => {
      if (!this.#drag) return;
      this.#drag.clientX = event.clientX;
      this.#followPointer();
    });
    for (const name of ["pointerup", "pointercancel"]) track.addEventListener(name, () => this.#endDrag());
  }

  #startDrag(event) {
    if (event.button !== 0) return;
    const { track, slider } = this.#parts;
    event.preventDefault();
    track.setPointerCapture(event.pointerId);
    slider.focus({ preventScroll: true });
    const { edge } = event.target.dataset;
    const isOnWindow = event.target.closest("[data-part=selection]");
    const { startS, endS } = this.#trimWindow;
    const grabbedS = edge === "end" ? endS : startS;
    // Pressing beside the window centers it there.
    const grabOffsetS = isOnWindow ? this.#timeAt(event.clientX) - grabbedS : (endS - startS) / 2;
    this.#drag = { clientX: event.clientX, grabOffsetS, edge };
    track.classList.add(edge ? "resizing" : "dragging");
    if (!isOnWindow) this.#followPointer();
    this.#scrollAtEdges();
  }

  #endDrag() {
    if (!this.#drag) return;
    cancelAnimationFrame(this.#drag.animationFrame);
    this.#drag = null;
    this.#parts.track.classList.remove("dragging", "resizing");
    this.#view.reveal();
    this.#render();
  }

  #followPointer() {
    const { clientX, grabOffsetS, edge } = this.#drag;
    const timeS = Math.round((this.#timeAt(clientX) - grabOffsetS) * 100) / 100; // less than a frame
    if (edge) this.#onResize(edge, timeS);
    else this.#trimWindow.moveTo(timeS);
  }

  #timeAt(clientX) {
    const { left, width } = this.#parts.thumbnails.getBoundingClientRect();
    return this.#view.timeAt((clientX - left) / width);
  }

  /** Scroll a zoomed view while the window is held at one of its edges. */
  #scrollAtEdges() {
    let lastMs = performance.now();
    const scroll = (nowMs) => {
      if (!this.#drag) return;
      const { left, right } = this.#parts.track.getBoundingClientRect();
      const { clientX } = this.#drag;
      const direction = Number(clientX > right - EDGE_PX) - Number(clientX < left + EDGE_PX);
      if (this.#view.zoom > 0 && direction !== 0 && !this.#drag.edge) {
        this.#view.scrollBy((direction * EDGE_SCROLL_PER_S * (nowMs - lastMs)) / 1000);
        this.#followPointer();
        this.#render();
      }
      lastMs = nowMs;
      this.#drag.animationFrame = requestAnimationFrame(scroll);
    };
    this.#drag.animationFrame = requestAnimationFrame(scroll);
  }
}
