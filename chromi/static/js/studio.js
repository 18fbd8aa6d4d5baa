import { clearBar } from "./bar.js";
import { watchEstimates } from "./estimates.js";
import { Framing } from "./framing.js";
import { Grabber } from "./grabber.js";
import { takeKeys } from "./keys.js";
import { partsOf } from "./parts.js";
import { Player } from "./player.js";
import { Seam } from "./seam.js";
import { readSettings, rememberSettings, shownS } from "./settings.js";
import { Source } from "./source.js";
import { linkStart } from "./start.js";
import { takeSuggestions } from "./suggestions.js";
import { Timeline } from "./timeline.js";
import { Trim } from "./trim.js";
import { fill, seconds } from "./words.js";

const REMEMBER_MS = 250;
const USUAL_FPS = 24;
const USUAL_S = 6;

let earlier = null;

/** Choosing a card and typing a size are one choice: with another card the size is not meant any more. */
function linkLimit(form, { limited, limit }) {
  let typed = limit.value;
  limit.addEventListener("input", () => {
    typed = limit.value;
    limited.checked = true;
  });
  form.addEventListener("change", (event) => {
    if (event.target.name !== "quality") return;
    limit.value = limited.checked ? typed || limit.placeholder : "";
    if (limited.checked) limit.focus();
  });
}

/** Tell what stands for all of a clip that is shorter than the window, or let a person choose a part of it. */
function showWhole(root, { all_of_it: words }, trim) {
  root.classList.toggle("whole", trim.isWhole);
  words.hidden = !trim.isWhole;
  words.textContent = fill(words.dataset.words, { length: seconds(trim.durationS) });
  // What chooses a part is hidden: the sentence takes its focus over.
  if (trim.isWhole && root.contains(document.activeElement?.closest(".part-only") ?? null)) {
    words.tabIndex = -1;
    words.focus({ preventScroll: true });
  }
}

/** Say over the studio, and on the browser's tab, what is to be chosen. */
function showTitle(trim) {
  const title = document.querySelector("h1");
  const { all, six, other } = title.dataset;
  title.textContent = trim.isWhole ? all : trim.lengthS === USUAL_S ? six : other;
  document.title = `${title.textContent} · Chromi`;
}

/** Keep the address true, without writing it at every step of a drag. */
function rememberAtRest(form, trim, signal) {
  let timer = 0;
  const remember = () => {
    clearTimeout(timer);
    rememberSettings(form);
  };
  trim.addEventListener("change", () => {
    clearTimeout(timer);
    timer = setTimeout(remember, REMEMBER_MS);
  });
  for (const name of ["input", "change", "submit"]) form.addEventListener(name, remember);
  signal.addEventListener("abort", () => clearTimeout(timer));
}

/** The studio's parts, and what each has to hear from the others. */
class Studio {
  #root;
  #parts;
  #form;
  #signal;
  #trim = new Trim();
  #framing;
  #seam;
  #player;
  #timeline;
  #source;
  #grabber = null;
  #fps;
  #motion = "";
  #mayMeasure;
  #forgetLoops;

  constructor(root, local, signal) {
    this.#root = root;
    this.#parts = partsOf(root);
    this.#form = root.querySelector("form");
    this.#signal = signal;
    this.#fps = Number(root.dataset.fps) || USUAL_FPS;
    this.#framing = new Framing(root, this.#parts, this.#form);
    this.#seam = new Seam(this.#parts, (picture) => this.#framing.takeEdge(picture));
    this.#player = new Player(this.#parts, this.#trim, () => this.#settings);
    this.#timeline = new Timeline(this.#parts, this.#trim);
    this.#source = new Source(root, this.#parts, local, signal);
    const isReady = () => this.#source.isUploaded && this.#trim.isKnown;
    this.#mayMeasure = watchEstimates(this.#form, this.#parts, { isReady, signal });
    this.#forgetLoops = takeSuggestions(this.#parts, this.#trim, signal);
  }

  begin() {
    const { find, start } = this.#parts;
    linkStart(start, this.#trim); // first, so that whoever hears of a change finds it in the form
    this.#listen();
    this.#takeButtons();
    linkLimit(this.#form, this.#parts);
    rememberAtRest(this.#form, this.#trim, this.#signal);
    clearBar(this.#root.querySelector(".make"), this.#signal);
    find.disabled = !this.#source.isUploaded;
    this.#takeSettings();
    if (this.#source.isUploaded) this.#takeUploaded({ duration_s: Number(this.#root.dataset.durationS) });
    // Room for what comes with the video, so that the page does not jump then.
    if (this.#source.hasVideo) this.#showMoving(true, true);
    this.#source.begin();
  }

  get #settings() {
    return { ...readSettings(this.#form), startS: this.#trim.startS, clipS: this.#trim.durationS };
  }

  #listen() {
    this.#trim.addEventListener("change", () => this.#takeTrim());
    this.#source.addEventListener("metadata", () => this.#takeVideo());
    this.#source.addEventListener("lost", () => this.#showMoving(false));
    this.#player.addEventListener("picture", ({ detail }) => {
      this.#timeline.showPlayhead(detail.timeS);
      this.#framing.layBehind(detail.source);
    });
    this.#form.addEventListener("input", () => this.#takeSettings());
    const takeUploaded = ({ detail }) => this.#takeUploaded(detail.info);
    this.#root.addEventListener("chromi:uploaded", takeUploaded, { signal: this.#signal });
  }

  #takeButtons() {
    const { play, video, screen, back, on, here, keys } = this.#parts;
    const stepFrames = (frames) => this.#player.step(frames, this.#fps);
    for (const part of [play, video, screen]) part.addEventListener("click", () => this.#player.toggle());
    back.addEventListener("click", () => stepFrames(-1));
    on.addEventListener("click", () => stepFrames(1));
    here.addEventListener("click", () => this.#trim.moveTo(this.#player.playheadS));
    const isOn = () => keys.checked;
    takeKeys({ trim: this.#trim, player: this.#player, stepFrames, isOn, signal: this.#signal });
  }

  #showMoving(isShown, isAwaited = false) {
    for (const part of [this.#parts.seam, this.#parts.transport]) {
      part.hidden = !isShown;
      part.classList.toggle("awaited", isAwaited);
    }
  }

  #takeUploaded({ duration_s: durationS, fps }) {
    this.#fps = fps || this.#fps;
    this.#parts.find.disabled = false;
    this.#trim.set({ durationS });
    this.#mayMeasure();
  }

  /** Another video is in the player: the local file, the clip, or its preview. */
  #takeVideo() {
    const { src, videoWidth, videoHeight, duration } = this.#parts.video;
    this.#grabber?.close();
    this.#grabber = new Grabber(src);
    for (const user of [this.#seam, this.#player, this.#timeline]) user.use(this.#grabber);
    this.#showMoving(true);
    this.#framing.setShape(videoWidth / videoHeight);
    // A recorder's file may not tell its length; the server will.
    if (!this.#trim.isKnown && Number.isFinite(duration)) this.#trim.set({ durationS: duration });
    this.#seam.show(this.#settings);
    this.#player.seek(this.#trim.startS);
  }

  #takeTrim() {
    this.#parts.timeline.hidden = !this.#trim.isKnown;
    showWhole(this.#root, this.#parts, this.#trim);
    showTitle(this.#trim);
    this.#seam.show(this.#settings);
    this.#player.refresh();
    this.#mayMeasure();
  }

  #takeSettings() {
    const { lengthS, speed, loop, reverse, short } = readSettings(this.#form);
    const partS = shownS({ lengthS, speed, loop });
    if (partS !== this.#trim.lengthS) this.#forgetLoops();
    this.#trim.set({ lengthS: partS });
    this.#parts.find.hidden = loop === "boomerang"; // that loops anywhere
    const motion = [lengthS, speed, loop, reverse, short].join();
    if (this.#motion && this.#motion !== motion) this.#takeTrim();
    this.#motion = motion;
    this.#framing.layBehind(this.#parts.screen.hidden ? this.#parts.video : this.#parts.screen);
    this.#mayMeasure();
  }
}

/**
 * Make the studio's form a place to see and choose. While the clip is still being sent, `localUrl` shows it, and
 * the event "chromi:uploaded" {info, videoUrl} on `root` tells that the server has it.
 */
export function enhanceStudio(root, { localUrl = "", localType = "" } = {}) {
  earlier?.abort();
  earlier = new AbortController();
  new Studio(root, { localUrl, localType }, earlier.signal).begin();
}
