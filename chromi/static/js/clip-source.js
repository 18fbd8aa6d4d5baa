import { showImage } from "./reduced-motion.js";

/** Chooses what the player shows: the local file, the clip on the server, or the server's preview copy of it. */
export class ClipSource extends EventTarget {
  #parts;
  #isUploaded;
  #isVideoShown = true;
  #hasRequestedPreview = false;
  #localUrl;
  #isLocalGif;
  #serverUrl;

  /**
   * Dispatches "metadata" when the video's duration and size are known, "image" with { widthPx, heightPx } for an animated
   * image, and "unplayable" if there is no video to show.
   */
  constructor(root, parts, { localUrl, localType }, signal) {
    super();
    this.#parts = parts;
    this.#isUploaded = root.dataset.durationS !== "";
    this.#localUrl = localUrl;
    this.#isLocalGif = localType === "image/gif";
    this.#serverUrl = root.dataset.videoUrl;
    parts.video.addEventListener("error", () => this.#check());
    parts.video.addEventListener("loadedmetadata", () => this.#check());
    root.addEventListener("chromi:uploaded", () => this.#onUploaded(), { signal });
    document.addEventListener("htmx:afterSwap", (event) => this.#onAfterSwap(event), { signal });
  }

  /** Load the clip. Called after all listeners are registered. */
  load() {
    const url = this.#localUrl || this.#serverUrl;
    if (this.#localUrl && this.#isLocalGif) this.#showLocalGif(url);
    else if (url) this.#loadVideo(url);
    else if (this.#isUploaded) this.#showUploadedGif();
  }

  get isUploaded() {
    return this.#isUploaded;
  }

  /** True if the first source is a video, which may turn out to be unplayable. */
  get startsWithVideo() {
    return Boolean(this.#localUrl ? !this.#isLocalGif : this.#serverUrl);
  }

  #loadVideo(url) {
    const { video } = this.#parts;
    video.controls = false;
    // The events may have been dispatched before this script ran.
    if (video.getAttribute("src") === url) this.#check();
    else video.src = url;
  }

  #showLocalGif(url) {
    const { image, video } = this.#parts;
    video.hidden = true;
    image.addEventListener("load", () => this.#onImageLoaded());
    showImage(image, url);
    image.hidden = false;
    this.#isVideoShown = false;
  }

  #onImageLoaded() {
    const { naturalWidth: widthPx, naturalHeight: heightPx } = this.#parts.image;
    this.dispatchEvent(new CustomEvent("image", { detail: { widthPx, heightPx } }));
  }

  #showUploadedGif() {
    const { image } = this.#parts;
    showImage(image, image.getAttribute("src"));
    this.#requestPreview();
  }

  /** Chrome plays a file whose video it cannot decode as audio only; that counts as unplayable, too. */
  #check() {
    const { video } = this.#parts;
    const hasMetadata = video.readyState >= HTMLMediaElement.HAVE_METADATA;
    if (video.error || (hasMetadata && video.videoWidth === 0)) this.#onUnplayable();
    else if (hasMetadata) this.dispatchEvent(new Event("metadata"));
  }

  #onUnplayable() {
    const { video, unplayable } = this.#parts;
    video.hidden = true;
    unplayable.hidden = false;
    this.#isVideoShown = false;
    this.dispatchEvent(new Event("unplayable"));
    if (this.#isUploaded) this.#requestPreview();
    else this.#parts.upload_needed.hidden = false;
  }

  #onUploaded() {
    this.#isUploaded = true;
    if (!this.#isVideoShown) this.#requestPreview();
  }

  /** Ask for the preview copy. A GIF needs it too: unlike an image, a video can be stopped and searched. */
  #requestPreview() {
    if (this.#hasRequestedPreview) return; // the preview itself is not playable here
    this.#hasRequestedPreview = this.#isVideoShown = true;
    const { image, not_playable: notPlayable, unplayable, upload_needed: uploadNeeded } = this.#parts;
    uploadNeeded.hidden = true;
    notPlayable.hidden = !image.hidden;
    unplayable.hidden = false; // with the progress of the preview
    const preview = document.getElementById("preview");
    if (preview.dataset.url) {
      this.#showPreview();
      return;
    }
    window.htmx.process(preview); // htmx may not have processed the page yet
    window.htmx.trigger(preview, "needed");
  }

  #onAfterSwap({ detail }) {
    if (detail.target.id === "preview") this.#showPreview();
  }

  #showPreview() {
    const { url } = document.getElementById("preview").dataset;
    if (!url) return;
    const { video, image, unplayable } = this.#parts;
    unplayable.hidden = image.hidden = true;
    video.hidden = false;
    this.#loadVideo(url);
  }
}
