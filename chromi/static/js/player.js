import { clamp } from "./clamp.js";
import { SEEK_OFFSET_S } from "./frame-grabber.js";
import { FrameSequence } from "./frame-sequence.js";

const RESUME_DELAY_MS = 400;
/** The window loops when the video's time is this much before its start; seeking is not exact. */
const START_TOLERANCE_S = 0.25;

/** A video element plays forward, at any speed, and can jump to the start; all else is played frame by frame. */
function canVideoPlay({ loop, reverse, short }, trimWindow) {
  return loop === "cut" && !reverse && !(short === "boomerang" && trimWindow.isWholeClip);
}

/** Plays the window as the background will. "frame" is dispatched with what is shown: { source, timeS }. */
export class Player extends EventTarget {
  playheadS = 0;
  isPlaying = false;
  #video;
  #parts;
  #trimWindow;
  #getSettings;
  #grabber;
  #sequence = null;
  #seekedS = 0;
  #animationFrame = 0;
  #resumeTimer = 0;
  #playLabel;

  /** `getSettings` returns the current settings. */
  constructor(parts, trimWindow, getSettings) {
    super();
    this.#video = parts.video;
    this.#parts = parts;
    this.#trimWindow = trimWindow;
    this.#getSettings = getSettings;
    this.#playLabel = parts.play.textContent;
    this.#video.addEventListener("seeked", () => this.#onSeeked());
    this.#video.addEventListener("loadeddata", () => this.#dispatchFrame(this.#video, this.playheadS));
    this.#video.addEventListener("ended", () => this.isPlaying && this.#restartVideo());
  }

  use(grabber) {
    this.stop();
    this.#grabber = grabber;
  }

  seek(timeS) {
    this.playheadS = timeS;
    if (!this.#video.seeking && this.#video.readyState > 0) {
      this.#seekedS = timeS;
      this.#video.currentTime = timeS + SEEK_OFFSET_S;
    }
    this.#dispatchFrame(this.#video, timeS);
  }

  /** Show the frame of the clip that is `frames` after the current one, or before it if negative. */
  step(frames, fps) {
    this.stop();
    const lastFrameS = Math.max(0, this.#trimWindow.clipDurationS - 0.5 / fps);
    const timeS = (Math.round(this.playheadS * fps) + frames) / fps;
    this.seek(clamp(timeS, 0, lastFrameS));
  }

  toggle() {
    if (this.isPlaying) this.stop();
    else this.play();
  }

  play() {
    // The server's preview has only the first minutes of a long clip.
    if (!this.#grabber || this.#trimWindow.startS >= this.#video.duration) return;
    this.#setPlaying(true);
    const settings = this.#getSettings();
    if (canVideoPlay(settings, this.#trimWindow)) this.#playVideo(settings);
    else this.#playSequence(settings);
  }

  stop() {
    clearTimeout(this.#resumeTimer);
    if (!this.isPlaying) return;
    this.#setPlaying(false);
    this.#halt();
    this.seek(this.playheadS);
  }

  /** The window or the settings have changed: show the window's start, and resume playing after a pause. */
  refresh() {
    if (this.isPlaying && !this.#sequence && canVideoPlay(this.#getSettings(), this.#trimWindow)) {
      this.#video.playbackRate = this.#getSettings().speed;
      return;
    }
    const wasPlaying = this.isPlaying;
    this.#halt();
    this.seek(this.#trimWindow.startS);
    clearTimeout(this.#resumeTimer);
    if (wasPlaying) this.#resumeTimer = setTimeout(() => this.play(), RESUME_DELAY_MS);
  }

  /** While a person drags, only the last of many seeks counts. */
  #onSeeked() {
    if (this.isPlaying) return;
    if (this.#seekedS === this.playheadS) this.#dispatchFrame(this.#video, this.playheadS);
    else this.seek(this.playheadS);
  }

  #setPlaying(isPlaying) {
    const { play } = this.#parts;
    this.isPlaying = isPlaying;
    play.textContent = isPlaying ? play.dataset.stop : this.#playLabel;
    this.#parts.media_frame.classList.toggle("playing", isPlaying);
  }

  #halt() {
    cancelAnimationFrame(this.#animationFrame);
    this.#video.pause();
    this.#sequence?.stop();
    this.#sequence = null;
    this.#parts.frame_canvas.hidden = true;
    this.#parts.reduced_frame_rate.hidden = true;
  }

  #restartVideo() {
    this.#video.currentTime = this.#trimWindow.startS;
    // Rejected with AbortError by a pause, and otherwise if the file is not playable; the error event reports that.
    this.#video.play().catch((error) => error.name !== "AbortError" && this.stop());
  }

  #playVideo({ speed }) {
    this.#video.playbackRate = speed;
    this.#restartVideo();
    const update = () => {
      const { currentTime } = this.#video;
      const { startS, endS } = this.#trimWindow;
      if (currentTime >= endS || currentTime < startS - START_TOLERANCE_S) this.#restartVideo();
      else this.playheadS = currentTime;
      this.#dispatchFrame(this.#video, this.playheadS);
      this.#animationFrame = requestAnimationFrame(update);
    };
    this.#animationFrame = requestAnimationFrame(update);
  }

  #playSequence(settings) {
    const { frame_canvas: canvas, reduced_frame_rate: note } = this.#parts;
    note.hidden = false;
    const { startS, clipDurationS } = this.#trimWindow;
    this.#sequence = new FrameSequence(canvas, this.#grabber, { ...settings, startS, clipDurationS }, (source, timeS) => {
      this.playheadS = timeS;
      this.#dispatchFrame(source, timeS);
    });
  }

  #dispatchFrame(source, timeS) {
    this.dispatchEvent(new CustomEvent("frame", { detail: { source, timeS } }));
  }
}
