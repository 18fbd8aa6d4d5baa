import { revealScriptControls } from "./dom.js";
import { fill } from "./format.js";
import { rememberFileName } from "./my-backgrounds.js";
import { reloadOnHistoryNavigation, setPageUrl } from "./page-history.js";
import { RequestRefused, TemporaryFailure, request } from "./request.js";
import { enhanceStudio } from "./studio.js";
import { uploadFromStudio } from "./studio-upload.js";
import { createUpload, isSameFile } from "./tus-client.js";

const FRAGMENT_HEADERS = { Accept: "text/html", "HX-Request": "true" };

reloadOnHistoryNavigation();

/** Load htmx if it was not loaded with the page. Rejects with TemporaryFailure. */
function loadHtmx() {
  if (window.htmx) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.addEventListener("load", resolve);
    script.addEventListener("error", () => reject(new TemporaryFailure("")));
    script.src = document.querySelector("script[src*='/htmx-']").src;
    document.head.append(script);
  });
}

function fieldsIn(main) {
  return [...main.querySelectorAll("#studio :is(input, select)")];
}

/**
 * Return the new studio's field for one of the old studio: it has the same name and data-part. Radio buttons of one name
 * also have the same value, except those with a data-part, whose value a person can change.
 */
function counterpartOf(field, fields) {
  const { name, type, value, dataset } = field;
  const hasSameValue = (other) => type !== "radio" || dataset.part || other.value === value;
  return fields.find((other) => other.name === name && other.dataset.part === dataset.part && hasSameValue(other));
}

/** Copy the values of the old studio's fields to the new one's, and the focus. */
function copyFieldValues(oldFields, focused, newFields) {
  for (const field of oldFields) {
    const counterpart = counterpartOf(field, newFields);
    if (!counterpart) continue;
    counterpart.value = field.value;
    counterpart.checked = field.checked;
    if (field === focused) counterpart.focus({ preventScroll: true });
  }
}

/** Show the studio in place of this page's content without leaving the document, so the upload can continue. */
function showStudio(html, url, isNewEntry) {
  const main = document.getElementById("main");
  const [oldFields, focused] = [fieldsIn(main), document.activeElement];
  main.innerHTML = html;
  window.htmx.process(main);
  revealScriptControls(main);
  setPageUrl(url, { isNewEntry });
  document.title = `${main.querySelector("h1").textContent.trim()} · Chromi`;
  main.focus({ preventScroll: true });
  if (oldFields.length > 0) copyFieldValues(oldFields, focused, fieldsIn(main));
  else window.scrollTo(0, 0);
  return document.getElementById("studio");
}

/**
 * Start an upload of `clip` and open its studio. Rejects with RequestRefused or the signal's reason.
 * @param {HTMLFormElement} form the upload form
 * @param {{file: File, localUrl: string, localType: string}} clip
 * @param {{unfinishedUpload: ?{uploadUrl: string, pageUrl: string}, retrier: Retrier, signal: AbortSignal}} options
 *   `unfinishedUpload` is continued instead of starting a new one
 */
export async function openStudio(form, clip, { unfinishedUpload, retrier, signal }) {
  const { createUrl, otherContent } = form.dataset;
  await retrier.run(loadHtmx);
  if (unfinishedUpload) {
    const isSame = await retrier.run(() => isSameFile(clip.file, unfinishedUpload.uploadUrl, signal));
    if (!isSame) throw new RequestRefused(409, fill(otherContent, clip.file));
  }
  const upload = unfinishedUpload ?? (await retrier.run(() => createUpload(createUrl, clip.file.size, signal)));
  rememberFileName(upload.pageUrl, clip.file.name);
  // The query has the settings that were chosen in an earlier studio.
  const url = upload.pageUrl + location.search;
  const response = await retrier.run(() => request("GET", url, { headers: FRAGMENT_HEADERS, signal }));
  // Back returns to the start page after a new upload, and to the page before it after a continued one.
  const studio = showStudio(response.responseText, url, form.isConnected && !unfinishedUpload);
  enhanceStudio(studio, clip);
  uploadFromStudio(studio, clip.file, upload, (options) => openStudio(form, clip, options));
}
