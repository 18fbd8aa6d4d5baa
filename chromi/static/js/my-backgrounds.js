import { announce } from "./announcer.js";
import { partsOf } from "./dom.js";
import { fill, localizeTimes } from "./format.js";
import { GONE } from "./request.js";

const STORAGE_KEY = "chromi.backgrounds";
const MAX_ENTRIES = 12;

/** Return the stored entries that have not expired, newest first: { url, name, stillUrl, size, expiresAt }. */
function readEntries() {
  try {
    const entries = JSON.parse(localStorage.getItem(STORAGE_KEY)) ?? [];
    return entries.filter(({ expiresAt }) => new Date(expiresAt) > new Date());
  } catch {
    return []; // storage is blocked, or something else has written to it
  }
}

function writeEntries(entries) {
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify(entries.slice(0, MAX_ENTRIES)));
  } catch {
    // Storage is blocked or full: the backgrounds are not listed.
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

/** Remember a finished background in this browser. `result` is the element that shows it. */
export function rememberBackground(result) {
  const { stillUrl, size, studioUrl } = result.dataset;
  const expiresAt = result.querySelector("#kept time").dateTime;
  const url = location.pathname;
  const entries = readEntries();
  const name = fileNameOf(studioUrl) ?? entries.find((entry) => entry.url === url)?.name;
  writeEntries([{ url, name, stillUrl, size, expiresAt }, ...entries.filter((entry) => entry.url !== url)]);
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
    const item = this.#templates.entry.content.cloneNode(true).firstElementChild;
    const time = item.querySelector("time");
    const image = item.querySelector("img");
    const parts = partsOf(item);
    item.querySelector("a").href = url;
    parts.size.textContent = size;
    parts.name.textContent = name ?? "";
    parts.name.hidden = !name; // it was made in another tab
    time.dateTime = expiresAt;
    localizeTimes(item);
    const button = item.querySelector("button");
    button.setAttribute("aria-label", fill(button.dataset.label, { time: time.textContent }));
    button.addEventListener("click", () => this.#onForget(item, entry));
    image.addEventListener("error", () => this.#removeIfGone(item, url));
    image.src = stillUrl;
    return item;
  }

  /** Offer to undo it in the item's place. */
  #onForget(item, entry) {
    const index = readEntries().findIndex(({ url }) => url === entry.url);
    forget(entry.url);
    const removed = this.#templates.removed.content.cloneNode(true).firstElementChild;
    const undo = removed.querySelector("button");
    undo.addEventListener("click", () => {
      writeEntries(readEntries().toSpliced(index, 0, entry));
      removed.replaceWith(item);
      item.querySelector("button").focus();
    });
    item.replaceWith(removed);
    undo.focus();
    announce(removed.querySelector("p").textContent);
  }

  /** A missing image may only mean that the connection is lost. */
  async #removeIfGone(item, url) {
    const response = await fetch(url, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!response || !GONE.has(response.status)) return;
    forget(url);
    item.remove();
    this.#section.hidden = this.#list.children.length === 0;
  }
}

export function listMyBackgrounds(section) {
  new MyBackgrounds(section).show();
}
