import { ClipSource } from "./clip-source.js";
import { partsOf } from "./dom.js";
import { EndFrames } from "./end-frames.js";
import { fill, seconds } from "./format.js";
import { FrameGrabber } from "./frame-grabber.js";
import { Framing } from "./framing.js";
import { handleShortcuts } from "./keyboard-shortcuts.js";
import { LoopSuggestions } from "./loop-suggestions.js";
import { Player } from "./player.js";
import { SizeEstimates } from "./size-estimates.js";
import { StartField } from "./start-field.js";
import { readSettings, storeSettingsInUrl, windowLengthS } from "./studio-settings.js";
import { Timeline } from "./timeline.js";
import { TrimWindow } from "./trim-window.js";

const STORE_DELAY_MS = 250;
const DEFAULT_FPS = 24;
const DEFAULT_LENGTH_S = 6;

/** Connect the quality cards with the size limit: a typed limit selects its card, and another card clears the limit. */
function linkSizeLimit(form, { limited_quality: card, size_limit: field }) {
  let typed = field.value;
  field.addEventListener("input", () => {
    typed = field.value;
    card.checked = true;
  });
  form.addEventListener("change", (event) => {
    if (event.target.name !== "quality") return;
    field.value = card.checked ? typed || field.placeholder : "";
    if (card.checked) field.focus();
  });
}

/** Show a sentence instead of the trim controls if all of the clip is used. */
function showWholeClip(root, { whole_clip_message: message }, trimWindow) {
  root.classList.toggle("whole-clip", trimWindow.isWholeClip);
  message.hidden = !trimWindow.isWholeClip;
  message.textContent = fill(message.dataset.words, { length: seconds(trimWindow.clipDurationS) });
  // The sentence gets the focus of the controls that it hides.
  if (trimWindow.isWholeClip && document.activeElement?.closest(".studio .partial-clip-only")) {
    message.tabIndex = -1;
    message.focus({ preventScroll: true });
  }
}

/** Say in the heading and in the tab's title what there is to choose. */
function showTitle(trimWindow) {
  const heading = document.querySelector("h1");
  const { whole, six, other } = heading.dataset;
  const partial = trimWindow.lengthS === DEFAULT_LENGTH_S ? six : other;
  heading.textContent = trimWindow.isWholeClip ? whole : partial;
  document.title = `${heading.textContent} · Chromi`;
}

/** Store the settings in the address after each change, but not at every step of a drag. */
function storeSettingsOnChange(form, trimWindow, signal) {
  let timer = 0;
  const store = () => {
    clearTimeout(timer);
    storeSettingsInUrl(form);
  };
  trimWindow.addEventListener("change", () => {
    clearTimeout(timer);
    timer = setTimeout(store, STORE_DELAY_MS);
  });
  for (const name of ["input", "change", "submit"]) form.addEventListener(name, store);
  signal.addEventListener("abort", () => clearTimeout(timer));
}

/** Keep the height of the action bar in a CSS property: what gets the focus scrolls clear of the bar. */
function trackBarHeight(bar, signal) {
  const { style } = document.documentElement;
  const observer = new ResizeObserver(() => style.setProperty("--action-bar-height", `${bar.offsetHeight}px`));
  observer.observe(bar);
  signal.addEventListener("abort", () => observer.disconnect());
}

/** Connects the parts of the studio with each other. */
class Studio {
  #root;
  #parts;
  #form;
  #signal;
  #trimWindow = new TrimWindow();
  #framing;
  #endFrames;
  #player;
  #timeline;
  #source;
  #estimates;
  #suggestions;
  #grabber = null;
  #fps;
  /** The settings that decide which frames are shown, as one string. */
  #motion = "";

  constructor(root, localFile, signal) {
    this.#root = root;
    this.#parts = partsOf(root);
    this.#form = root.querySelector("form");
    this.#signal = signal;
    this.#fps = Number(root.dataset.fps) || DEFAULT_FPS;
    this.#framing = new Framing(root, this.#parts, this.#form);
    this.#endFrames = new EndFrames(this.#parts, (canvas) => this.#framing.setFirstFrame(canvas));
    this.#player = new Player(this.#parts, this.#trimWindow, () => this.#settings);
    this.#timeline = new Timeline(this.#parts, this.#trimWindow);
    this.#source = new ClipSource(root, this.#parts, localFile, signal);
    const isReady = () => this.#source.isUploaded && this.#trimWindow.hasClipDuration;
    this.#estimates = new SizeEstimates(this.#form, this.#parts, { isReady, signal });
    this.#suggestions = new LoopSuggestions(this.#parts.suggestions, this.#trimWindow, signal);
  }

  start() {
    const { find_loops: findLoops, start_time: startTime } = this.#parts;
    // First, so that the other listeners find the new start in the form.
    new StartField(startTime, this.#trimWindow).start();
    this.#listen();
    this.#connectControls();
    linkSizeLimit(this.#form, this.#parts);
    storeSettingsOnChange(this.#form, this.#trimWindow, this.#signal);
    trackBarHeight(this.#root.querySelector(".action-bar"), this.#signal);
    findLoops.disabled = !this.#source.isUploaded;
    this.#onSettingsChanged();
    if (this.#source.isUploaded) this.#onUploaded({ duration_s: Number(this.#root.dataset.durationS) });
    // Reserves the space of the controls that appear with the video, so the page does not jump.
    if (this.#source.startsWithVideo) this.#showVideoControls(true, { isReserved: true });
    this.#source.load();
  }

  get #settings() {
    const { startS, clipDurationS } = this.#trimWindow;
    return { ...readSettings(this.#form), startS, clipDurationS };
  }

  #listen() {
    this.#trimWindow.addEventListener("change", () => this.#onFramesChanged());
    this.#source.addEventListener("metadata", () => this.#onVideoLoaded());
    this.#source.addEventListener("unplayable", () => this.#showVideoControls(false));
    this.#player.addEventListener("frame", ({ detail }) => {
      this.#timeline.showPlayhead(detail.timeS);
      this.#framing.updateBackdrop(detail.source);
    });
    this.#form.addEventListener("input", () => this.#onSettingsChanged());
    const onUploaded = ({ detail }) => this.#onUploaded(detail.info);
    this.#root.addEventListener("chromi:uploaded", onUploaded, { signal: this.#signal });
  }

  #connectControls() {
    const parts = this.#parts;
    const stepFrames = (frames) => this.#player.step(frames, this.#fps);
    for (const part of [parts.play, parts.video, parts.frame_canvas]) {
      part.addEventListener("click", () => this.#player.toggle());
    }
    parts.frame_back.addEventListener("click", () => stepFrames(-1));
    parts.frame_forward.addEventListener("click", () => stepFrames(1));
    parts.start_here.addEventListener("click", () => this.#trimWindow.moveTo(this.#player.playheadS));
    handleShortcuts({
      trimWindow: this.#trimWindow,
      player: this.#player,
      stepFrames,
      isEnabled: () => parts.shortcuts_enabled.checked,
      signal: this.#signal,
    });
  }

  #showVideoControls(isShown, { isReserved = false } = {}) {
    for (const part of [this.#parts.end_frames, this.#parts.transport]) {
      part.hidden = !isShown;
      part.classList.toggle("reserved", isReserved);
    }
  }

  #onUploaded({ duration_s: clipDurationS, fps }) {
    this.#fps = fps || this.#fps;
    this.#parts.find_loops.disabled = false;
    this.#trimWindow.set({ clipDurationS });
    this.#estimates.settingsChanged();
  }

  /** The player has loaded another video: the local file, the clip, or its preview. */
  #onVideoLoaded() {
    const { src, videoWidth, videoHeight, duration } = this.#parts.video;
    this.#grabber?.close();
    this.#grabber = new FrameGrabber(src);
    for (const user of [this.#endFrames, this.#player, this.#timeline]) user.use(this.#grabber);
    this.#showVideoControls(true);
    this.#framing.setRatio(videoWidth / videoHeight);
    // A file from a screen recorder may have no duration; the server determines it after the upload.
    const isMissing = !this.#trimWindow.hasClipDuration;
    if (isMissing && Number.isFinite(duration)) this.#trimWindow.set({ clipDurationS: duration });
    this.#endFrames.show(this.#settings);
    this.#player.seek(this.#trimWindow.startS);
  }

  #onFramesChanged() {
    this.#parts.timeline.hidden = !this.#trimWindow.hasClipDuration;
    showWholeClip(this.#root, this.#parts, this.#trimWindow);
    showTitle(this.#trimWindow);
    this.#endFrames.show(this.#settings);
    this.#player.refresh();
    this.#estimates.settingsChanged();
  }

  #onSettingsChanged() {
    const { lengthS, speed, loop, reverse, short } = readSettings(this.#form);
    const { find_loops: findLoops, frame_canvas: canvas, video } = this.#parts;
    const shownS = windowLengthS({ lengthS, speed, loop });
    if (shownS !== this.#trimWindow.lengthS) this.#suggestions.clear();
    this.#trimWindow.set({ lengthS: shownS });
    findLoops.hidden = loop === "boomerang"; // a boomerang loops seamlessly anywhere
    const motion = [lengthS, speed, loop, reverse, short].join();
    if (this.#motion && this.#motion !== motion) this.#onFramesChanged();
    this.#motion = motion;
    this.#framing.updateBackdrop(canvas.hidden ? video : canvas);
    this.#estimates.settingsChanged();
  }
}

/**
 * Make the studio's form interactive. A studio that was shown before in this document stops.
 * @param {HTMLElement} root dispatches "chromi:uploaded" with { info, videoUrl } once the server has the clip
 * @param {{localUrl: string, localType: string}} localFile the clip's file while it is being uploaded
 */
export function enhanceStudio(root, { localUrl = "", localType = "" } = {}) {
  const lifetime = new AbortController();
  document.dispatchEvent(new Event("chromi:studio-replaced"));
  document.addEventListener("chromi:studio-replaced", () => lifetime.abort(), { once: true });
  new Studio(root, { localUrl, localType }, lifetime.signal).start();
}
