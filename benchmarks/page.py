"""Measure how the pages load on a slow phone: `make bench-page`, or `python -m benchmarks.page`.

Starts Chromi, opens its pages in Chromium with an empty cache, and prints medians over several rounds. The
phone is the one of Lighthouse: 150 ms of latency, 1.6 Mbit/s, and a quarter of this machine's CPU speed.
Chromium throttles requests and not packets, so opening a connection takes no time here. With TCP and TLS, add
two or three round trips.
"""

from __future__ import annotations

import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import imageio_ffmpeg
from playwright.sync_api import APIRequestContext, Browser, Page, sync_playwright

from benchmarks.service import running_service, wait_for_end

CHROMIUM = "/usr/bin/chromium"
ROUNDS = 5
RTT_MS = 150
DOWN_BYTES_S, UP_BYTES_S = 1.6e6 / 8, 0.75e6 / 8
CPU_SLOWDOWN = 4
SCREEN = {"width": 360, "height": 740}

RECORD_TIMES = """
window.loading = { shift: 0, usable: null };
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) loading.shift += entry.value;
}).observe({ type: "layout-shift", buffered: true });
new MutationObserver((_, observer) => {
  // Scripts show the elements that need them and attach to the others before the first paint.
  if (!document.querySelector("footer") || document.querySelector("[data-needs-script][hidden]")) return;
  loading.usable = performance.now();
  observer.disconnect();
}).observe(document, { subtree: true, childList: true, attributes: true });
"""
READ_TIMES = """async () => {
  const painted = await new Promise((resolve) => {
    new PerformanceObserver((list) => {
      for (const entry of list.getEntriesByName("first-contentful-paint")) resolve(entry.startTime);
    }).observe({ type: "paint", buffered: true });
  });
  const blocking = performance.getEntriesByType("resource")
    .filter((entry) => entry.renderBlockingStatus === "blocking").map((entry) => entry.name);
  return { ...loading, painted, blocking };
}"""


@dataclass
class Load:
    """The figures of one page load."""

    bytes_of: dict[str, int] = field(default_factory=dict)
    """Bytes received for each URL, headers included, in the order of the requests."""
    shift: float = 0.0
    """Cumulative layout shift."""
    painted_ms: float = 0.0
    usable_ms: float = 0.0
    """When the page was painted and its script was ready."""
    blocking: list[str] = field(default_factory=list)
    """The URLs that blocked the first paint."""

    @property
    def own_bytes(self) -> int:
        """The bytes of everything except the start page's animation, clips and results."""
        return sum(size for url, size in self.bytes_of.items() if not is_media(url))


def is_media(url: str) -> bool:
    return "/static/v-" not in url and "/download/" in url or url.endswith(("/start.gif", "/video"))


@contextmanager
def slow_phone(browser: Browser, **options: Any) -> Iterator[Page]:
    """A page on a slow phone with an empty cache."""
    context = browser.new_context(**{"viewport": SCREEN, "is_mobile": True, "has_touch": True} | options)
    page = context.new_page()
    page.add_init_script(RECORD_TIMES)
    yield page
    context.close()


def load(page: Page, url: str, *, last: str | None = None) -> Load:
    """Open the page on a slow network and wait until it is idle and the file named `last` has arrived."""
    result = Load()
    devtools = page.context.new_cdp_session(page)
    urls: dict[str, str] = {}
    devtools.on("Network.requestWillBeSent", lambda event: _record_request(result, urls, event))
    devtools.on("Network.loadingFinished", lambda event: _add_bytes(result, urls, event))
    devtools.send("Network.enable")
    speed = {"latency": RTT_MS, "downloadThroughput": DOWN_BYTES_S, "uploadThroughput": UP_BYTES_S}
    devtools.send("Network.emulateNetworkConditions", {"offline": False, **speed})
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": CPU_SLOWDOWN})
    with page.expect_event("requestfinished", lambda request: request.url.endswith(last or url)):
        page.goto(url, wait_until="networkidle")
    times = page.evaluate(READ_TIMES)
    devtools.detach()
    result.shift, result.blocking, result.painted_ms = times["shift"], times["blocking"], times["painted"]
    result.usable_ms = max(times["painted"], times["usable"])
    return result


def _record_request(result: Load, urls: dict[str, str], event: dict[str, Any]) -> None:
    urls[event["requestId"]] = url = event["request"]["url"]
    result.bytes_of.setdefault(url, 0)


def _add_bytes(result: Load, urls: dict[str, str], event: dict[str, Any]) -> None:
    if event["requestId"] in urls:
        result.bytes_of[urls[event["requestId"]]] += int(event["encodedDataLength"])


def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="chromi-bench-") as folder,
        running_service(Path(folder)) as (_, url),
        sync_playwright() as playwright,
    ):
        pages = create_pages(playwright.request.new_context(base_url=url), Path(folder))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        print("page      painted   usable  shift  requests  bytes without media")
        for name, page_url in pages.items():
            print_line(name, [load_once(browser, page_url) for _ in range(ROUNDS)])
        browser.close()


def create_pages(service: APIRequestContext, folder: Path) -> dict[str, str]:
    """Upload a small clip, convert it, and return the URLs of the three pages."""
    clip = folder / "clip.mp4"
    source = ["-f", "lavfi", "-i", "color=teal:size=320x180:rate=24", "-t", "8", "-pix_fmt", "yuv420p"]
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *source, str(clip)], check=True)
    file = {"name": clip.name, "mimeType": "video/mp4", "buffer": clip.read_bytes()}
    studio = service.post("/uploads/", multipart={"video": file}).json()["url"]
    job = service.post(f"{studio}jobs/", form={"duration": "1"}).json()
    start = service.get("/").url
    wait_for_end(start.rstrip("/"), job["job_id"])
    return {"start": start, "studio": urljoin(start, studio), "result": urljoin(start, job["status_url"])}


def load_once(browser: Browser, url: str) -> Load:
    with slow_phone(browser) as page:
        return load(page, url)


def print_line(name: str, loads: list[Load]) -> None:
    painted_ms = statistics.median(load.painted_ms for load in loads)
    usable_ms = statistics.median(load.usable_ms for load in loads)
    shift = max(load.shift for load in loads)
    requests, size = len(loads[0].bytes_of), loads[0].own_bytes
    print(
        f"{name:8}{painted_ms:6.0f} ms{usable_ms:6.0f} ms  {shift:5.3f}  {requests:8}  {size:,}", flush=True
    )


if __name__ == "__main__":
    main()
