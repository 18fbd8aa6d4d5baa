"""Measure the running service: `make bench-service`, or `python -m benchmarks.service [CLIP]`.

Starts Chromi on a temporary folder, sends requests over the loopback interface, and prints one table: how
soon an idle worker starts a job, the response times of pages and polls for 20 clients while a job runs, and
the peak memory of all processes together. Without CLIP, it generates ten seconds of 1080p.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import imageio_ffmpeg

from benchmarks.measure import PeakMemorySampler

ROOT = Path(__file__).resolve().parent.parent
CLIENTS = 20
IDLE_S = 4.0
"""Long enough for the worker to poll at its slowest rate."""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="chromi-bench-") as folder:
        clip = Path(sys.argv[1]) if len(sys.argv) > 1 else make_clip(Path(folder) / "clip.mp4")
        with running_service(Path(folder)) as (service, url):
            print_table(measure(service.pid, url, clip))


@contextmanager
def running_service(folder: Path, log: Path | None = None) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run Chromi with its files in `folder`, and yield its process and URL.

    It logs to the file `log`. Nothing reads a pipe, so Chromi would block once the pipe is full.
    """
    log = log or folder / "service.log"
    with log.open("w") as output:
        service = subprocess.Popen(
            [sys.executable, "-m", "chromi", "serve"],
            cwd=ROOT,
            env=os.environ
            | {
                "CHROMI_INSTANCE": f"{folder}/instance",
                "CHROMI_PORT": "0",
                "CHROMI_ENV_FILE": os.devnull,  # not the developer's own settings
            },
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield service, _wait_for_url(service, log)
    finally:
        service.terminate()
        service.wait(120)


def _wait_for_url(service: subprocess.Popen[bytes], log: Path) -> str:
    while service.poll() is None:
        if found := re.search(r"http://\S+?(?=/ )", log.read_text()):
            return found[0]
        time.sleep(0.1)
    raise SystemExit("the service did not start")


def make_clip(path: Path) -> Path:
    """Generate ten seconds of 1080p30 H.264 with motion everywhere."""
    source = "testsrc2=size=1920x1080:rate=30,noise=alls=20:allf=t"
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", source]
    subprocess.run([*ffmpeg, "-t", "10", "-pix_fmt", "yuv420p", "-crf", "28", path], check=True)
    return path


def measure(pid: int, url: str, clip: Path) -> list[tuple[str, str, str]]:
    """Return the rows of the table: figure, measured value, limit."""
    get_json(f"{url}/health/")
    pickups_s = [measure_pickup(url, clip) for _ in range(8)]
    with PeakMemorySampler(pid) as memory:
        response_times_s = measure_response_times(url, clip)
    return [
        ("pickup of a job after idling, slowest of 8", f"{max(pickups_s) * 1000:.0f} ms", "600 ms"),
        (
            f"GET / with {CLIENTS} clients while a job runs, p95",
            f"{p95_ms(response_times_s['/']):.1f} ms",
            "50 ms",
        ),
        (f"status poll with {CLIENTS} clients, p95", f"{p95_ms(response_times_s['status']):.1f} ms", "50 ms"),
        ("peak memory of all processes (PSS)", f"{memory.peak_bytes / 1e6:.0f} MB", "350 MB"),
    ]


def measure_pickup(url: str, clip: Path) -> float:
    """Return the seconds from the response to the upload until the job is in progress."""
    time.sleep(IDLE_S)
    job_id = start_job(url, clip, duration="1")
    start = time.perf_counter()
    while get_json(f"{url}/jobs/{job_id}/")["status"] == "queued":
        time.sleep(0.005)
    pickup_s = time.perf_counter() - start
    wait_for_end(url, job_id)
    return pickup_s


def measure_response_times(url: str, clip: Path) -> dict[str, list[float]]:
    """Return the seconds of each response while a job runs. Like a page, each client polls once a second."""
    job_id = start_job(url, clip, duration="6")
    response_times_s: dict[str, list[float]] = {"/": [], "status": []}
    done = threading.Event()

    def poll(number: int) -> None:
        time.sleep(number / CLIENTS)
        while not done.is_set():
            response_times_s["/"].append(measure_s(lambda: fetch(f"{url}/", "text/html")))
            response_times_s["status"].append(
                measure_s(lambda: fetch(f"{url}/jobs/{job_id}/status", "text/html"))
            )
            done.wait(1)

    clients = [threading.Thread(target=poll, args=(number,)) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    wait_for_end(url, job_id)
    done.set()
    for client in clients:
        client.join()
    return response_times_s


def start_job(url: str, clip: Path, **options: str) -> str:
    boundary = uuid.uuid4().hex
    fields = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'
        for name, text in options.items()
    )
    file = f'--{boundary}\r\nContent-Disposition: form-data; name="video"; filename="clip"\r\n\r\n'
    body = (fields + file).encode() + clip.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    with urllib.request.urlopen(urllib.request.Request(f"{url}/convert/", body, headers)) as response:
        return str(json.load(response)["job_id"])


def wait_for_end(url: str, job_id: str) -> None:
    while get_json(f"{url}/jobs/{job_id}/")["status"] in ("queued", "in_progress"):
        time.sleep(0.2)


def get_json(url: str) -> Any:
    return json.loads(fetch(url, "application/json"))


def fetch(url: str, accept: str) -> bytes:
    request = urllib.request.Request(url, headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=30) as response:
        return bytes(response.read())


def measure_s(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def p95_ms(values_s: list[float]) -> float:
    return statistics.quantiles(values_s, n=20)[-1] * 1000


def print_table(rows: list[tuple[str, str, str]]) -> None:
    print("| what | measured | must be under |\n|---|---|---|")
    for row in rows:
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
