"""Measure how the pages load on a slow phone: `make bench-page`, or `python -m benchmarks.page`.

Starts Chromi, opens its pages in Chromium with an empty cache, and prints the median of several rounds. The
phone is Lighthouse's: responses are delayed by 150 ms, arrive at 1.6 Mbit/s, and the processor is slowed down
to a quarter. Chromium delays requests, not packets, so opening a connection takes no time here. Over TCP and
TLS it takes two or three more round trips.
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
window.loading = { shift: 0, ready: null };
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) loading.shift += entry.value;
}).observe({ type: "layout-shift", buffered: true });
new MutationObserver((_, observer) => {
  // Scripts reveal their controls and enhance the page before they release the first paint.
  if (!document.querySelector("footer") || document.querySelector("[data-needs-script][hidden]")) return;
  loading.ready = performance.now();
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
class PageLoad:
    """Measurements of one load of a page."""

    bytes_by_url: dict[str, int] = field(default_factory=dict)
    """Bytes received from the network, headers included, in the order of the requests."""
    layout_shift: float = 0.0
    """Cumulative layout shift."""
    first_paint_ms: float = 0.0
    """First contentful paint."""
    ready_ms: float = 0.0
    """When the page was painted and its script had enhanced it."""
    render_blocking_urls: list[str] = field(default_factory=list)
    """Files that the first paint waited for."""

    @property
    def page_bytes(self) -> int:
        """All bytes except the start page's examples, clips and results."""
        return sum(size for url, size in self.bytes_by_url.items() if not is_media(url))


def is_media(url: str) -> bool:
    is_download = "/download/" in url and "/static/" not in url
    return is_download or "/examples/" in url or url.endswith("/video")


@contextmanager
def open_slow_phone(browser: Browser, **options: Any) -> Iterator[Page]:
    """Open a page with an empty cache."""
    context = browser.new_context(**{"viewport": SCREEN, "is_mobile": True, "has_touch": True} | options)
    page = context.new_page()
    page.add_init_script(RECORD_TIMES)
    yield page
    context.close()


def load_page(page: Page, url: str, *, last_file: str | None = None) -> PageLoad:
    """Load the page at a slow phone's speed until the network is idle and `last_file` is loaded."""
    result = PageLoad()
    devtools = page.context.new_cdp_session(page)
    urls: dict[str, str] = {}
    devtools.on("Network.requestWillBeSent", lambda event: _record_request(result, urls, event))
    devtools.on("Network.loadingFinished", lambda event: _record_bytes(result, urls, event))
    devtools.send("Network.enable")
    speed = {"latency": RTT_MS, "downloadThroughput": DOWN_BYTES_S, "uploadThroughput": UP_BYTES_S}
    devtools.send("Network.emulateNetworkConditions", {"offline": False, **speed})
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": CPU_SLOWDOWN})
    with page.expect_event("requestfinished", lambda request: request.url.endswith(last_file or url)):
        page.goto(url, wait_until="networkidle")
    times = page.evaluate(READ_TIMES)
    devtools.detach()
    result.layout_shift, result.render_blocking_urls = times["shift"], times["blocking"]
    result.first_paint_ms = times["painted"]
    result.ready_ms = max(times["painted"], times["ready"])
    return result


def _record_request(result: PageLoad, urls: dict[str, str], event: dict[str, Any]) -> None:
    urls[event["requestId"]] = url = event["request"]["url"]
    result.bytes_by_url.setdefault(url, 0)


def _record_bytes(result: PageLoad, urls: dict[str, str], event: dict[str, Any]) -> None:
    if event["requestId"] in urls:
        result.bytes_by_url[urls[event["requestId"]]] += int(event["encodedDataLength"])


def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="chromi-bench-") as folder,
        running_service(Path(folder)) as (_, url),
        sync_playwright() as playwright,
    ):
        pages = make_pages(playwright.request.new_context(base_url=url), Path(folder))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        print("page      painted    ready  shift  requests  bytes without animation and clip")
        for name, url in pages.items():
            print_medians(name, [load_with_empty_cache(browser, url) for _ in range(ROUNDS)])
        browser.close()


def make_pages(service: APIRequestContext, folder: Path) -> dict[str, str]:
    """Upload a small clip and make a small background; return the pages' URLs."""
    clip = folder / "clip.mp4"
    source = ["-f", "lavfi", "-i", "color=teal:size=320x180:rate=24", "-t", "8", "-pix_fmt", "yuv420p"]
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *source, str(clip)], check=True)
    file = {"name": clip.name, "mimeType": "video/mp4", "buffer": clip.read_bytes()}
    studio = service.post("/uploads/", multipart={"video": file}).json()["url"]
    job = service.post(f"{studio}jobs/", form={"duration": "1"}).json()
    start = service.get("/").url
    wait_for_end(start.rstrip("/"), job["job_id"])
    return {"start": start, "studio": urljoin(start, studio), "result": urljoin(start, job["status_url"])}


def load_with_empty_cache(browser: Browser, url: str) -> PageLoad:
    with open_slow_phone(browser) as page:
        return load_page(page, url)


def print_medians(name: str, loads: list[PageLoad]) -> None:
    first_paint_ms = statistics.median(load.first_paint_ms for load in loads)
    ready_ms = statistics.median(load.ready_ms for load in loads)
    shift = max(load.layout_shift for load in loads)
    requests, size = len(loads[0].bytes_by_url), loads[0].page_bytes
    print(
        f"{name:8}{first_paint_ms:6.0f} ms{ready_ms:6.0f} ms  {shift:5.3f}  {requests:8}  {size:,}",
        flush=True,
    )


if __name__ == "__main__":
    main()
