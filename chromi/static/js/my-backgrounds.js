import { announce } from "./announcer.js";
import { partsOf } from "./dom.js";
import { fill, localizeTimes } from "./format.js";
import { GONE } from "./request.js";

const STORAGE_KEY = "chromi.backgrounds";
const MAX_ENTRIES = 12;
/** How long an unfinished background is listed at most. */
const UNFINISHED_MS = 24 * 3600 * 1000;

/**
 * Return the stored entries that have not expired, newest first: { url, name, stillUrl, size, expiresAt }. That of an
 * unfinished background has no stillUrl.
 */
function readEntries() {
  try {
    const entries = JSON.parse(localStorage.getItem(STORAGE_KEY)) ?? [];
    return entries.filter(({ expiresAt }) => new Date(expiresAt) > new Date());
  } catch {
    return []; // storage is blocked, or something else has written to it
  }
}

/** Return false if storage is blocked or full: then the backgrounds are not listed. */
function writeEntries(entries) {
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify(entries.slice(0, MAX_ENTRIES)));
    return true;
  } catch {
    return false;
  }
}

function forget(url) {
  writeEntries(readEntries().filter((entry) => entry.url !== url));
}

/** Keep the name of an upload's file, which the server does not get, for the backgrounds made in this tab. */
export function rememberFileName(studioUrl, name) {
  try {
    sessionStorage.setItem(studioUrl, name);
  } catch {
    // Storage is blocked or full: the backgrounds have no name.
  }
}

function fileNameOf(studioUrl) {
  try {
    return sessionStorage.getItem(studioUrl);
  } catch {
    return null;
  }
}

/** Return what an entry stores of a finished background. `result` is the element that shows it. */
function entryOf(result) {
  const { stillUrl, size } = result.dataset;
  return { stillUrl, size, expiresAt: result.querySelector("#kept time").dateTime };
}

/** Store the entry of the background that this page shows. Return whether it will be listed. */
function remember(values) {
  const url = location.pathname;
  const entries = readEntries();
  const name = fileNameOf(document.getElementById("job").dataset.studioUrl);
  const entry = { ...entries.find((other) => other.url === url), url, ...(name && { name }), ...values };
  return writeEntries([entry, ...entries.filter((other) => other.url !== url)]);
}

/** Remember a finished background in this browser. `result` is the element that shows it. */
export function rememberBackground(result) {
  remember(entryOf(result));
}

/** Remember the background that is being made. `note` then says that the page may be closed. */
export function rememberUnfinishedBackground(note) {
  const expiresAt = new Date(Date.now() + UNFINISHED_MS).toISOString();
  if (remember({ expiresAt })) note.textContent = note.dataset.remembered;
}

/** Show a text that an entry may lack. */
function showText(element, text) {
  element.textContent = text ?? "";
  element.hidden = !text;
}

/** Lists this browser's backgrounds on the start page. */
class MyBackgrounds {
  #section;
  #list;
  #templates;

  constructor(section) {
    this.#section = section;
    this.#list = section.querySelector("ul");
    this.#templates = partsOf(section);
  }

  show() {
    for (const entry of readEntries()) this.#list.append(this.#createItem(entry));
    this.#section.hidden = this.#list.children.length === 0;
  }

  #createItem(entry) {
    const { url, name, stillUrl, size, expiresAt } = entry;
    const isUnfinished = !stillUrl;
    const item = this.#templates.entry.content.cloneNode(true).firstElementChild;
    const time = item.querySelector("time");
    const image = item.querySelector("img");
    const parts = partsOf(item);
    item.querySelector("a").href = url;
    showText(parts.size, size);
    showText(parts.name, name); // none if it was made in another tab
    time.dateTime = expiresAt;
    localizeTimes(item);
    parts.expiry.hidden = isUnfinished;
    parts.unfinished.hidden = !isUnfinished;
    const button = item.querySelector("button");
    if (name) button.setAttribute("aria-label", fill(button.dataset.named, { name }));
    else if (!isUnfinished) button.setAttribute("aria-label", fill(button.dataset.label, { time: time.textContent }));
    button.addEventListener("click", () => this.#onForget(item, entry));
    if (isUnfinished) {
      image.remove();
      this.#updateUnfinished(item, entry);
    } else {
      image.addEventListener("error", () => this.#removeIfGone(item, url));
      image.src = stillUrl;
    }
    return item;
  }

  /** Show the background in place of the item if it has been finished, and remove the item if it will not be. */
  async #updateUnfinished(item, entry) {
    const { url } = entry;
    const response = await fetch(`${url}status`).catch(() => null);
    const page = new DOMParser().parseFromString((await response?.text()) ?? "", "text/html");
    const [job, result] = [page.getElementById("job"), page.getElementById("result")];
    if (!item.isConnected) return;
    if (result) {
      const finished = { ...entry, ...entryOf(result) };
      writeEntries(readEntries().map((other) => (other.url === url ? finished : other)));
      item.replaceWith(this.#createItem(finished));
    } else if (response && (GONE.has(response.status) || (job && !job.hasAttribute("hx-get")))) this.#remove(item, url);
  }

  #remove(item, url) {
    forget(url);
    item.remove();
    this.#section.hidden = this.#list.children.length === 0;
  }

  /** Offer to undo it in the item's place. */
  #onForget(item, entry) {
    const index = readEntries().findIndex(({ url }) => url === entry.url);
    forget(entry.url);
    const removed = this.#templates.removed.content.cloneNode(true).firstElementChild;
    const { name, message } = partsOf(removed);
    showText(name, entry.name);
    if (!entry.stillUrl) message.textContent = message.dataset.unfinished;
    const undo = removed.querySelector("button");
    undo.addEventListener("click", () => {
      writeEntries(readEntries().toSpliced(index, 0, entry));
      removed.replaceWith(item);
      item.querySelector("button").focus();
    });
    item.replaceWith(removed);
    undo.focus();
    announce(message.textContent);
  }

  /** A missing image may only mean that the connection is lost. */
  async #removeIfGone(item, url) {
    const response = await fetch(url, { headers: { Accept: "application/json" } }).catch(() => null);
    if (response && GONE.has(response.status)) this.#remove(item, url);
  }
}

export function listMyBackgrounds(section) {
  new MyBackgrounds(section).show();
}
