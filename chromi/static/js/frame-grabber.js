/* Priorities of requests for frames; the lowest number is served first. */
export const END_FRAMES = 0;
export const PLAYBACK = 1;
export const THUMBNAILS = 2;

/** Seeking to just after a frame's time stamp keeps rounding from showing the frame before. */
export const SEEK_OFFSET_S = 0.0005;

/** A frame may be presented this long after "seeked", on a computer that is busy. */
const FRAME_TIMEOUT_MS = 1000;
/** No frame is presented if it is the same as before, which is likely at most this far from it. */
const SAME_FRAME_DISTANCE_S = 0.1;
const SAME_FRAME_TIMEOUT_MS = 50;

function once(target, eventName) {
  const listeners = new AbortController();
  return new Promise((resolve, reject) => {
    target.addEventListener(eventName, resolve, { signal: listeners.signal });
    for (const failure of ["error", "emptied"]) target.addEventListener(failure, reject, { signal: listeners.signal });
  }).finally(() => listeners.abort());
}

function delay(durationMs) {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}

/** Reads frames at any time of a clip, one after the other, from a hidden video: seeking the visible one would show. */
export class FrameGrabber {
  #video = document.createElement("video");
  #requests = [];
  #isRunning = false;
  #loaded;
  /** The time of the frame that was presented last; Infinity before the first, NaN in a browser that does not tell it. */
  #presentedS = Infinity;
  #wantedS = NaN;
  #onPresented = () => {};

  constructor(url) {
    Object.assign(this.#video, { muted: true, playsInline: true, preload: "auto", src: url });
    this.#loaded = once(this.#video, "loadedmetadata");
    this.#watchFrames();
  }

  /** Call onFrame(video) once the video shows the frame at `timeS`. Returns a function that cancels the request. */
  grab(timeS, priority, onFrame) {
    const request = { timeS, priority, onFrame, isCancelled: false };
    this.#requests.push(request);
    this.#run();
    return () => {
      request.isCancelled = true; // the seek may already have started
      this.#requests = this.#requests.filter((other) => other !== request);
    };
  }

  close() {
    this.#requests = [];
    this.#video.removeAttribute("src");
    this.#video.load();
  }

  #takeNext() {
    const first = Math.min(...this.#requests.map((request) => request.priority));
    const next = this.#requests.find(({ priority }) => priority === first);
    this.#requests = this.#requests.filter((other) => other !== next);
    return next;
  }

  async #run() {
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      while (this.#requests.length > 0 && (await this.#isPlayable())) {
        const request = this.#takeNext();
        if ((await this.#seek(request.timeS)) && !request.isCancelled) request.onFrame(this.#video);
      }
    } finally {
      this.#isRunning = false;
    }
  }

  #isPlayable() {
    return this.#loaded.then(() => this.#video.videoWidth > 0, () => this.#giveUp());
  }

  #watchFrames() {
    this.#video.requestVideoFrameCallback?.((now, { mediaTime }) => {
      const isFirst = this.#presentedS === Infinity;
      this.#presentedS = mediaTime;
      // The first frame may be the clip's, presented after a seek has started. All others are those of the seek, which may
      // be far from its time: a frame may last for seconds.
      if (!isFirst || this.#isNear(this.#wantedS)) this.#onPresented();
      this.#watchFrames();
    });
  }

  #isNear(timeS) {
    return !(Math.abs(timeS - this.#presentedS) > SAME_FRAME_DISTANCE_S);
  }

  #seek(timeS) {
    const timeoutMs = this.#isNear(timeS) ? SAME_FRAME_TIMEOUT_MS : FRAME_TIMEOUT_MS;
    const presented = new Promise((resolve) => (this.#onPresented = resolve));
    this.#wantedS = timeS;
    this.#video.currentTime = timeS + SEEK_OFFSET_S;
    const waitForFrame = () => Promise.race([presented, delay(timeoutMs)]);
    const onShown = () => {
      // WebKit does not report the frames of a hidden video, but they can be drawn once "seeked" is fired.
      if (this.#presentedS === Infinity) this.#presentedS = NaN;
      return true;
    };
    return once(this.#video, "seeked").then(waitForFrame).then(onShown, () => this.#giveUp());
  }

  /** The clip is not playable here, or the grabber was closed; ClipSource shows a message. */
  #giveUp() {
    this.#requests = [];
    return false;
  }
}
