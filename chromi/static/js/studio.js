import { trackBarHeight } from "./action-bar.js";
import { BlackBars } from "./black-bars.js";
import { ClipSource } from "./clip-source.js";
import { partsOf } from "./dom.js";
import { previewEffects } from "./effects-preview.js";
import { EndFrames } from "./end-frames.js";
import { completeNumbers, linkSizeLimit, suggestLoopStyle } from "./form-fields.js";
import { FrameGrabber } from "./frame-grabber.js";
import { fill } from "./format.js";
import { Framing } from "./framing.js";
import { handleShortcuts } from "./keyboard-shortcuts.js";
import { LoopSuggestions } from "./loop-suggestions.js";
import { enhanceNewTabOverlay } from "./new-tab-overlay.js";
import { Player } from "./player.js";
import { showRangeValues } from "./range-outputs.js";
import { SizeEstimates } from "./size-estimates.js";
import { StartField } from "./start-field.js";
import { backgroundLengthS, readSettings, storeSettingsOnChange, windowLengthS } from "./studio-settings.js";
import { Summary } from "./summary.js";
import { shortTimecode } from "./timecode.js";
import { Timeline } from "./timeline.js";
import { TrimWindow } from "./trim-window.js";
import { showTitle, showWholeClip } from "./whole-clip.js";

const DEFAULT_FPS = 24;
/** Browsers and ffmpeg may disagree about a clip's duration by this much. */
const DURATION_TOLERANCE_S = 1;

/** Connects the parts of the studio with each other. */
class Studio {
  #root;
  #parts;
  #form;
  #signal;
  #trimWindow = new TrimWindow();
  #blackBars;
  #framing;
  #endFrames;
  #player;
  #timeline;
  #source;
  #estimates;
  #suggestions;
  #summary;
  #grabber = null;
  #clipSizePx = null;
  #fps;
  /** The settings that decide which frames are shown, as one string. */
  #motion = "";

  constructor(root, localFile, signal) {
    this.#root = root;
    this.#parts = partsOf(root);
    this.#form = root.querySelector("form");
    this.#signal = signal;
    this.#fps = Number(root.dataset.fps) || DEFAULT_FPS;
    this.#blackBars = new BlackBars(this.#form, signal);
    this.#framing = new Framing(root, this.#parts, this.#form, this.#blackBars);
    this.#endFrames = new EndFrames(this.#parts, (name, canvas) => this.#framing.setEndFrame(name, canvas));
    this.#player = new Player(this.#parts, this.#trimWindow, () => this.#settings);
    this.#timeline = new Timeline(this.#parts, this.#trimWindow, (edge, timeS) => this.#resizeWindow(edge, timeS));
    this.#source = new ClipSource(root, this.#parts, localFile, signal);
    const isReady = () => this.#source.isUploaded && this.#trimWindow.hasClipDuration;
    this.#estimates = new SizeEstimates(this.#form, this.#parts, { isReady, signal });
    this.#suggestions = new LoopSuggestions(this.#form, this.#parts, this.#trimWindow, { isReady, signal });
    this.#summary = new Summary(this.#form, this.#parts);
  }

  start() {
    // First, so that the other listeners find the new start in the form.
    new StartField(this.#parts.start_time, this.#parts.start_hint, this.#trimWindow).start();
    this.#listen();
    this.#connectControls();
    linkSizeLimit(this.#form, this.#parts);
    completeNumbers(this.#form);
    showRangeValues(this.#form);
    previewEffects(this.#root, this.#form);
    storeSettingsOnChange(this.#form, this.#trimWindow, this.#signal);
    trackBarHeight(this.#root.querySelector(".action-bar"), this.#signal);
    this.#onSettingsChanged();
    const { durationS, widthPx, heightPx } = this.#root.dataset;
    if (this.#source.isUploaded) {
      this.#onUploaded({ duration_s: Number(durationS), width_px: Number(widthPx), height_px: Number(heightPx) });
    }
    // Reserves the space of the controls that appear with the video, so the page does not jump.
    if (this.#source.startsWithVideo) this.#showVideoControls(true, { isReserved: true });
    this.#source.load();
    this.#signal.addEventListener("abort", () => this.#stop());
  }

  #stop() {
    this.#player.stop();
    this.#grabber?.close();
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
    this.#source.addEventListener("image", ({ detail }) => this.#onSizeKnown(detail.widthPx, detail.heightPx));
    this.#estimates.addEventListener("change", () => this.#summary.show(this.#settings));
    this.#blackBars.addEventListener("change", () => this.#updateBackdrop());
    this.#form.addEventListener("input", () => this.#onSettingsChanged());
    const onUploaded = ({ detail }) => {
      this.#onUploaded(detail.info);
      suggestLoopStyle(this.#form, detail.info.duration_s);
    };
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
    enhanceNewTabOverlay(parts);
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

  /** Change the length of the background so that one end of the window follows the pointer and the other one stays. */
  #resizeWindow(edge, timeS) {
    const { startS, endS, clipDurationS } = this.#trimWindow;
    const windowS = edge === "start" ? endS - Math.max(0, timeS) : Math.min(timeS, clipDurationS) - startS;
    const { duration } = this.#form.elements;
    duration.value = backgroundLengthS(windowS, readSettings(this.#form));
    duration.dispatchEvent(new Event("input", { bubbles: true }));
    if (edge === "start") this.#trimWindow.moveTo(endS - this.#trimWindow.lengthS);
  }

  #onUploaded({ duration_s: clipDurationS, fps, width_px: widthPx, height_px: heightPx }) {
    this.#fps = fps || this.#fps;
    if (widthPx) this.#onSizeKnown(widthPx, heightPx);
    this.#trimWindow.set({ clipDurationS });
    this.#blackBars.search();
    this.#estimates.settingsChanged();
    this.#suggestions.settingsChanged();
  }

  #onSizeKnown(widthPx, heightPx) {
    this.#clipSizePx = [widthPx, heightPx];
    this.#framing.setRatio(widthPx / heightPx);
    this.#showEnlargedNote();
  }

  #showEnlargedNote() {
    const { size } = this.#form.elements;
    const isSmaller = size.value.split("x").every((sidePx, i) => this.#clipSizePx?.[i] < Number(sidePx));
    this.#parts.enlarged_note.hidden = size.selectedIndex === 0 || !isSmaller;
  }

  /** The player has loaded another video: the local file, the clip, or its preview. */
  #onVideoLoaded() {
    const { src, videoWidth, videoHeight, duration } = this.#parts.video;
    this.#grabber?.close();
    this.#grabber = new FrameGrabber(src);
    for (const user of [this.#endFrames, this.#player, this.#timeline]) user.use(this.#grabber);
    this.#showVideoControls(true);
    // Once the server has the clip, its size is known, and the video may be the smaller preview.
    if (this.#source.isUploaded) this.#framing.setRatio(videoWidth / videoHeight);
    else this.#onSizeKnown(videoWidth, videoHeight);
    // A file from a screen recorder may have no duration; the server determines it after the upload.
    const isMissing = !this.#trimWindow.hasClipDuration;
    if (isMissing && Number.isFinite(duration)) this.#trimWindow.set({ clipDurationS: duration });
    this.#showPreviewEnd();
    this.#endFrames.show(this.#settings);
    this.#player.seek(this.#trimWindow.startS);
  }

  /** Say where the server's preview of a long clip ends, if the window is not completely before. */
  #showPreviewEnd() {
    const { video, preview_end: note } = this.#parts;
    note.hidden = !(this.#trimWindow.endS > video.duration + DURATION_TOLERANCE_S);
    note.textContent = fill(note.dataset.words, { time: shortTimecode(video.duration) });
  }

  #onFramesChanged() {
    this.#parts.timeline.hidden = !this.#trimWindow.hasClipDuration;
    showWholeClip(this.#root, this.#parts, this.#trimWindow, this.#settings);
    showTitle(this.#trimWindow);
    this.#showPreviewEnd();
    this.#endFrames.show(this.#settings);
    this.#player.refresh();
    this.#analyze();
  }

  #analyze() {
    this.#estimates.settingsChanged();
    this.#estimates.showNotice();
    this.#suggestions.settingsChanged();
    this.#summary.show(this.#settings);
  }

  #updateBackdrop() {
    const { frame_canvas: canvas, video } = this.#parts;
    this.#framing.updateBackdrop(canvas.hidden ? video : canvas);
  }

  #onSettingsChanged() {
    const { lengthS, speed, loop, reverse, short } = readSettings(this.#form);
    this.#timeline.isBoomerang = loop === "boomerang";
    this.#trimWindow.set({ lengthS: windowLengthS({ lengthS, speed, loop }) });
    const motion = [lengthS, speed, loop, reverse, short].join();
    if (this.#motion && this.#motion !== motion) this.#onFramesChanged();
    this.#motion = motion;
    this.#updateBackdrop();
    this.#showEnlargedNote();
    this.#analyze();
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
