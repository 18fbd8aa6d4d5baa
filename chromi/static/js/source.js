import { showPicture } from "./motion.js";

/** What the player shows: the local file, the clip on the server, or the server's copy that every browser plays. */
export class Source extends EventTarget {
  #parts;
  #isUploaded;
  #isShown = true;
  #hasAsked = false;
  #localUrl;
  #isLocalGif;
  #serverUrl;

  /** "metadata" tells that the video's length and shape are known, "lost" that there is none to show. */
  constructor(root, parts, { localUrl, localType }, signal) {
    super();
    this.#parts = parts;
    this.#isUploaded = root.dataset.durationS !== "";
    const { video } = parts;
    video.addEventListener("error", () => this.#check());
    video.addEventListener("loadedmetadata", () => this.#check());
    root.addEventListener("chromi:uploaded", () => this.#takeUploaded(), { signal });
    root.addEventListener("chromi:refused", () => parts.unsent.remove(), { signal });
    document.addEventListener("htmx:afterSwap", (event) => this.#takePreview(event), { signal });
    this.#localUrl = localUrl;
    this.#isLocalGif = localType === "image/gif";
    this.#serverUrl = root.dataset.videoUrl;
  }

  /** Start when those who listen are there. */
  begin() {
    const url = this.#localUrl || this.#serverUrl;
    if (this.#localUrl && this.#isLocalGif) this.#showGif(url);
    else if (url) this.#play(url);
    else if (this.#isUploaded) this.#showUploadedGif();
  }

  get isUploaded() {
    return this.#isUploaded;
  }

  /** Whether there is one to begin with that may play. */
  get hasVideo() {
    return Boolean(this.#localUrl ? !this.#isLocalGif : this.#serverUrl);
  }

  #play(url) {
    const { video } = this.#parts;
    video.controls = false;
    // The browser may have found out before this script ran.
    if (video.getAttribute("src") === url) this.#check();
    else video.src = url;
  }

  #showGif(url) {
    const { picture, video } = this.#parts;
    video.hidden = true;
    showPicture(picture, url);
    picture.hidden = false;
    this.#isShown = false;
  }

  #showUploadedGif() {
    const { picture } = this.#parts;
    showPicture(picture, picture.getAttribute("src"));
    this.#askPreview();
  }

  /** Chrome plays a file whose picture it cannot decode as sound alone: that counts as unplayable too. */
  #check() {
    const { video } = this.#parts;
    const isKnown = video.readyState >= HTMLMediaElement.HAVE_METADATA;
    if (video.error || (isKnown && video.videoWidth === 0)) this.#giveUp();
    else if (isKnown) this.dispatchEvent(new Event("metadata"));
  }

  #giveUp() {
    const { video, unplayable } = this.#parts;
    video.hidden = true;
    unplayable.hidden = false;
    this.#isShown = false;
    this.dispatchEvent(new Event("lost"));
    if (this.#isUploaded) this.#askPreview();
    else this.#parts.unsent.hidden = false;
  }

  #takeUploaded() {
    this.#isUploaded = true;
    if (!this.#isShown) this.#askPreview();
  }

  /** A GIF moves by itself; the copy is what can be stopped and looked through. */
  #askPreview() {
    if (this.#hasAsked) return; // not even the copy plays here
    this.#hasAsked = this.#isShown = true;
    this.#parts.unsent.hidden = true;
    this.#parts.unshown.hidden = false;
    const preview = document.getElementById("preview");
    if (preview.dataset.url) {
      this.#showPreview();
      return;
    }
    window.htmx.process(preview); // this may come before htmx has looked at the page
    window.htmx.trigger(preview, "needed");
  }

  #takePreview(event) {
    if (event.detail.target.id === "preview") this.#showPreview();
  }

  #showPreview() {
    const { url } = document.getElementById("preview").dataset;
    if (!url) return;
    const { video, picture, unplayable } = this.#parts;
    unplayable.hidden = picture.hidden = true;
    video.hidden = false;
    this.#play(url);
  }
}
