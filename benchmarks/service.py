"""Measure the running service: `make bench-service`, or `python -m benchmarks.service [CLIP]`.

Starts a whole Chromi on a folder of its own, asks it on the loopback only, and prints one table: how soon a
job is picked up after idling, how fast pages and polls are answered by 20 clients while a job runs, and the
peak memory of all its processes together. Without CLIP it makes ten seconds of 1080p itself.
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

from benchmarks.measure import MemoryWatch

ROOT = Path(__file__).resolve().parent.parent
CLIENTS = 20
IDLE_S = 4.0
"""Long enough for the worker's polling to have slowed down to its slowest."""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="chromi-bench-") as folder:
        clip = Path(sys.argv[1]) if len(sys.argv) > 1 else make_clip(Path(folder) / "clip.mp4")
        with running_service(Path(folder)) as (service, url):
            print_table(measure(service.pid, url, clip))


@contextmanager
def running_service(folder: Path, log: Path | None = None) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A whole Chromi that keeps its files in `folder`: its process and its address.

    What it says goes to the file `log`, and not into a pipe, which would hold it up once it is full.
    """
    log = log or folder / "service.log"
    with log.open("w") as said:
        service = subprocess.Popen(
            [sys.executable, "-m", "chromi", "serve"],
            cwd=ROOT,
            env=os.environ | {"CHROMI_INSTANCE": f"{folder}/instance", "CHROMI_PORT": "0"},
            stdout=said,
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
    """Ten seconds of 1080p30 H.264 with motion everywhere."""
    source = "testsrc2=size=1920x1080:rate=30,noise=alls=20:allf=t"
    command = [
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        source,
        "-t",
        "10",
        "-pix_fmt",
        "yuv420p",
        "-crf",
        "28",
        path,
    ]
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), *command], check=True)
    return path


def measure(pid: int, url: str, clip: Path) -> list[tuple[str, str, str]]:
    ask(f"{url}/health/")
    pickups_s = [measure_pickup(url, clip) for _ in range(8)]
    with MemoryWatch(pid) as memory:
        answers_s = measure_answers(url, clip)
    return [
        ("pickup of a job after idling, slowest of 8", f"{max(pickups_s) * 1000:.0f} ms", "600 ms"),
        (f"GET / with {CLIENTS} clients while a job runs, p95", f"{p95_ms(answers_s['/']):.1f} ms", "50 ms"),
        (f"status poll with {CLIENTS} clients, p95", f"{p95_ms(answers_s['status']):.1f} ms", "50 ms"),
        ("peak memory of all processes (PSS)", f"{memory.peak_bytes / 1e6:.0f} MB", "350 MB"),
    ]


def measure_pickup(url: str, clip: Path) -> float:
    """Seconds from the answer to the upload until the job says that it runs."""
    time.sleep(IDLE_S)
    job = start_job(url, clip, duration="1")
    start = time.perf_counter()
    while ask(f"{url}/jobs/{job}/")["status"] == "queued":
        time.sleep(0.005)
    pickup_s = time.perf_counter() - start
    wait_for_end(url, job)
    return pickup_s


def measure_answers(url: str, clip: Path) -> dict[str, list[float]]:
    """Seconds of each answer while one job runs; each client asks about once a second, as a page does."""
    job = start_job(url, clip, duration="6")
    answers_s: dict[str, list[float]] = {"/": [], "status": []}
    done = threading.Event()

    def poll(number: int) -> None:
        time.sleep(number / CLIENTS)
        while not done.is_set():
            answers_s["/"].append(timed(lambda: fetch(f"{url}/", "text/html")))
            answers_s["status"].append(timed(lambda: fetch(f"{url}/jobs/{job}/status", "text/html")))
            done.wait(1)

    clients = [threading.Thread(target=poll, args=(number,)) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    wait_for_end(url, job)
    done.set()
    for client in clients:
        client.join()
    return answers_s


def start_job(url: str, clip: Path, **options: str) -> str:
    boundary = uuid.uuid4().hex
    fields = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'
        for name, text in options.items()
    )
    file = f'--{boundary}\r\nContent-Disposition: form-data; name="video"; filename="clip"\r\n\r\n'
    body = (fields + file).encode() + clip.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    with urllib.request.urlopen(urllib.request.Request(f"{url}/convert/", body, headers)) as answer:
        return str(json.load(answer)["job_id"])


def wait_for_end(url: str, job: str) -> None:
    while ask(f"{url}/jobs/{job}/")["status"] in ("queued", "in_progress"):
        time.sleep(0.2)


def ask(address: str) -> Any:
    return json.loads(fetch(address, "application/json"))


def fetch(address: str, accept: str) -> bytes:
    request = urllib.request.Request(address, headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return bytes(answer.read())


def timed(call: Callable[[], object]) -> float:
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
