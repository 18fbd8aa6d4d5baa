/* What is wanted first, when several wait for a picture. */
export const SEAM = 0;
export const LOOP = 1;
export const STRIP = 2;

/** Just after a frame's time stamp, so that rounding never shows the one before. */
export const NUDGE_S = 0.0005;

const LATEST_MS = 50;

function once(target, name) {
  return new Promise((resolve, reject) => {
    target.addEventListener(name, resolve, { once: true });
    for (const end of ["error", "emptied"]) target.addEventListener(end, reject, { once: true });
  });
}

/** Pictures from anywhere in a clip, one at a time, from an unseen video: seeking the visible one would show. */
export class Grabber {
  #video = document.createElement("video");
  #tasks = [];
  #isBusy = false;
  #loaded;

  constructor(url) {
    Object.assign(this.#video, { muted: true, playsInline: true, preload: "auto", src: url });
    this.#loaded = once(this.#video, "loadedmetadata");
  }

  /** Call draw(video) once the picture at timeS is there. Returns a function that takes the wish back. */
  grab(timeS, urgency, draw) {
    const task = { timeS, urgency, draw, isWanted: true };
    this.#tasks.push(task);
    this.#work();
    return () => {
      task.isWanted = false; // it may be on its way
      this.#tasks = this.#tasks.filter((other) => other !== task);
    };
  }

  close() {
    this.#tasks = [];
    this.#video.removeAttribute("src");
    this.#video.load();
  }

  #next() {
    const most = Math.min(...this.#tasks.map((task) => task.urgency));
    const task = this.#tasks.find(({ urgency }) => urgency === most);
    this.#tasks = this.#tasks.filter((other) => other !== task);
    return task;
  }

  async #work() {
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      while (this.#tasks.length > 0 && (await this.#canShow())) {
        const task = this.#next();
        if ((await this.#seek(task.timeS)) && task.isWanted) task.draw(this.#video);
      }
    } finally {
      this.#isBusy = false;
    }
  }

  #canShow() {
    return this.#loaded.then(() => this.#video.videoWidth > 0, () => this.#giveUp());
  }

  /** The picture may come a moment after "seeked"; none comes where it is the same as before. */
  #seek(timeS) {
    const shown = new Promise((resolve) => this.#video.requestVideoFrameCallback?.(resolve));
    this.#video.currentTime = timeS + NUDGE_S;
    const late = () => Promise.race([shown, new Promise((resolve) => setTimeout(resolve, LATEST_MS))]);
    return once(this.#video, "seeked").then(late).then(() => true, () => this.#giveUp());
  }

  /** Not playable here, or closed: the player tells the person. */
  #giveUp() {
    this.#tasks = [];
    return false;
  }
}

/** Copy the picture into a canvas of its own shape, at most so many pixels wide or high. */
export function copyPicture(video, canvas, maxPx) {
  const shrink = Math.min(1, maxPx / Math.max(video.videoWidth, video.videoHeight));
  canvas.width = Math.max(1, Math.round(video.videoWidth * shrink));
  canvas.height = Math.max(1, Math.round(video.videoHeight * shrink));
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/** Draw the middle of a picture so that it fills the canvas. */
export function drawCover(source, canvas) {
  const width = source.videoWidth ?? source.width;
  const height = source.videoHeight ?? source.height;
  const scale = Math.max(canvas.width / width, canvas.height / height);
  const cropWidth = canvas.width / scale;
  const cropHeight = canvas.height / scale;
  const crop = [(width - cropWidth) / 2, (height - cropHeight) / 2, cropWidth, cropHeight];
  canvas.getContext("2d").drawImage(source, ...crop, 0, 0, canvas.width, canvas.height);
}
