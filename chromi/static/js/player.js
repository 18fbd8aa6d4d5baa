import { NUDGE_S } from "./grabber.js";
import { Sequence } from "./sequence.js";

const RESUME_MS = 400;

/** A video element plays forwards, at any speed, and jumps; all else is shown picture by picture. */
function isPlain({ loop, reverse, short }, trim) {
  return loop === "cut" && !reverse && !(short === "boomerang" && trim.isWhole);
}

/** Plays the window as the background will. "picture" tells what is shown now: {source, timeS}. */
export class Player extends EventTarget {
  playheadS = 0;
  isPlaying = false;
  #video;
  #parts;
  #trim;
  #settings;
  #grabber;
  #sequence = null;
  #soughtS = 0;
  #frame = 0;
  #timer = 0;
  #words;

  /** `settings` gives the settings as they are now. */
  constructor(parts, trim, settings) {
    super();
    this.#video = parts.video;
    this.#parts = parts;
    this.#trim = trim;
    this.#settings = settings;
    this.#words = parts.play.textContent;
    // Of many seeks while a person drags, the last one counts.
    this.#video.addEventListener("seeked", () => {
      if (this.isPlaying) return;
      if (this.#soughtS !== this.playheadS) this.seek(this.playheadS);
      else this.#tell(this.#video, this.playheadS);
    });
    this.#video.addEventListener("loadeddata", () => this.#tell(this.#video, this.playheadS));
    this.#video.addEventListener("ended", () => this.isPlaying && this.#begin());
  }

  use(grabber) {
    this.stop();
    this.#grabber = grabber;
  }

  seek(timeS) {
    this.playheadS = timeS;
    if (!this.#video.seeking && this.#video.readyState > 0) {
      this.#soughtS = timeS;
      this.#video.currentTime = timeS + NUDGE_S;
    }
    this.#tell(this.#video, timeS);
  }

  /** Show the next picture of the clip, or the one before. */
  step(frames, fps) {
    this.stop();
    const lastS = Math.max(0, this.#trim.durationS - 0.5 / fps);
    const timeS = (Math.round(this.playheadS * fps) + frames) / fps;
    this.seek(Math.min(Math.max(0, timeS), lastS));
  }

  toggle() {
    if (this.isPlaying) this.stop();
    else this.play();
  }

  play() {
    if (!this.#grabber) return;
    this.#mark(true);
    const settings = this.#settings();
    if (isPlain(settings, this.#trim)) this.#playVideo(settings);
    else this.#playPictures(settings);
  }

  stop() {
    clearTimeout(this.#timer);
    if (!this.isPlaying) return;
    this.#mark(false);
    this.#halt();
    this.seek(this.playheadS);
  }

  /** The window or what is done with it has changed: show its start, and go on playing when it rests. */
  refresh() {
    if (this.isPlaying && !this.#sequence && isPlain(this.#settings(), this.#trim)) {
      this.#video.playbackRate = this.#settings().speed;
      return;
    }
    const goesOn = this.isPlaying;
    this.#halt();
    this.seek(this.#trim.startS);
    clearTimeout(this.#timer);
    if (goesOn) this.#timer = setTimeout(() => this.play(), RESUME_MS);
  }

  #mark(isPlaying) {
    const { play } = this.#parts;
    this.isPlaying = isPlaying;
    play.textContent = isPlaying ? play.dataset.stop : this.#words;
    this.#parts.stage.classList.toggle("playing", isPlaying);
  }

  #halt() {
    cancelAnimationFrame(this.#frame);
    this.#video.pause();
    this.#sequence?.stop();
    this.#sequence = null;
    this.#parts.screen.hidden = true;
    this.#parts.approximate.hidden = true;
  }

  #begin() {
    this.#video.currentTime = this.#trim.startS;
    // Refused when the file turns out unplayable; the error event says so to the person. Aborted by a pause.
    this.#video.play().catch((error) => error.name !== "AbortError" && this.stop());
  }

  #playVideo({ speed }) {
    this.#video.playbackRate = speed;
    this.#begin();
    const watch = () => {
      const { currentTime } = this.#video;
      const { startS, endS } = this.#trim;
      if (currentTime >= endS || currentTime < startS - 0.25) this.#begin();
      else this.playheadS = currentTime;
      this.#tell(this.#video, this.playheadS);
      this.#frame = requestAnimationFrame(watch);
    };
    this.#frame = requestAnimationFrame(watch);
  }

  #playPictures(settings) {
    const { screen, approximate } = this.#parts;
    approximate.hidden = false;
    const { startS, durationS } = this.#trim;
    this.#sequence = new Sequence(screen, this.#grabber, { ...settings, startS, clipS: durationS }, (source, timeS) => {
      this.playheadS = timeS;
      this.#tell(source, timeS);
    });
  }

  #tell(source, timeS) {
    this.dispatchEvent(new CustomEvent("picture", { detail: { source, timeS } }));
  }
}
