import { localizeTimes } from "./format.js";

const FIRST_PAUSE_MS = 2000;
const MAX_PAUSE_MS = 30_000;
/** 30 MB take an hour at 70 kbit/s. */
const MAX_WAIT_MS = 3_600_000;

/** Update the sentence about a limited link's remaining downloads after each download of this page. */
export function keepLimitCurrent(limit, form) {
  form.addEventListener("submit", () => void waitForCount(limit, form));
}

/** A download counts once it is complete, and the browser does not tell the page when that is. The pauses grow. */
async function waitForCount(limit, form) {
  let pauseMs = FIRST_PAUSE_MS;
  for (let waitedMs = 0; waitedMs < MAX_WAIT_MS; waitedMs += pauseMs) {
    pauseMs = Math.min(FIRST_PAUSE_MS + waitedMs / 20, MAX_PAUSE_MS);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    const response = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
    if (response?.status === 410) {
      showEnd(limit, form, parse(await response.text()));
      return;
    }
    if (response?.ok && replaceLimit(limit, await response.text())) return;
  }
}

/** Say why the link has ended, in place of what it was for. */
function showEnd(limit, form, page) {
  const isUsedUp = page.querySelector("[data-code]")?.dataset.code === "link_used_up";
  limit.textContent = isUsedUp ? limit.dataset.usedUp : page.querySelector(".lead").textContent;
  const outdated = [form.closest(".actions"), document.getElementById("send_link")];
  if (outdated.some((element) => element.contains(document.activeElement))) {
    limit.tabIndex = -1;
    limit.focus();
  }
  for (const element of outdated) element.remove();
}

function parse(html) {
  return new DOMParser().parseFromString(html, "text/html");
}

/** Show the sentence of the current page. Return false if no download has been counted since. */
function replaceLimit(limit, html) {
  const current = parse(html).querySelector("[data-part=limit]");
  if (!current || current.dataset.left === limit.dataset.left) return false;
  limit.dataset.left = current.dataset.left;
  limit.replaceChildren(...current.childNodes);
  localizeTimes(limit);
  return true;
}
