import { followHistory, renamePage } from "./address.js";
import { revealScripted } from "./parts.js";
import { request } from "./request.js";
import { enhanceStudio } from "./studio.js";
import { createUpload } from "./transfer.js";
import { uploadFromStudio } from "./uploading.js";

const FRAGMENT = { Accept: "text/html", "HX-Request": "true" };

followHistory();

/** Put the studio in this page's place without leaving it, so that the upload goes on. */
function swapIn(html, address, isNew) {
  const main = document.getElementById("main");
  main.innerHTML = html;
  window.htmx.process(main);
  revealScripted(main);
  renamePage(address, { isNew });
  document.title = `${main.querySelector("h1").textContent.trim()} · Chromi`;
  main.focus({ preventScroll: true });
  window.scrollTo(0, 0);
  return document.getElementById("studio");
}

/**
 * Begin an upload of `clip`, { file, localUrl, localType }, or go on with the one at `place`; open its studio.
 * Rejects with Refused or the signal's reason.
 */
export async function openStudio(form, clip, { place, persistence, signal }) {
  const { createUrl } = form.dataset;
  const found = place ?? (await persistence.keepTrying(() => createUpload(createUrl, clip.file.size, signal)));
  // What was chosen in the studio before stands in the address.
  const address = found.pageUrl + location.search;
  const answer = await persistence.keepTrying(() => request("GET", address, { headers: FRAGMENT, signal }));
  // Back leads from a new upload to the start, from one that was gone on with to where the person came from.
  const studio = swapIn(answer.responseText, address, form.isConnected && !place);
  enhanceStudio(studio, clip);
  uploadFromStudio(studio, clip.file, found, (ways) => openStudio(form, clip, ways));
}
