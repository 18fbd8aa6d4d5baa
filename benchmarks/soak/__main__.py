"""`make soak`, or `python -m benchmarks.soak --minutes 20`: the exit code is 0 if no resource leaks.

Starts Chromi on a temporary folder. Visitors upload, convert, browse, download, share, cancel, send invalid
files and abort uploads, about one visit a second. A sample of the resources is taken every ten seconds. In
the end, the soak waits until everything must have expired.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import imageio_ffmpeg

from benchmarks.measure import run_and_capture
from benchmarks.service import running_service
from benchmarks.soak.client import Client
from benchmarks.soak.sampling import Sample, Sampler, take_sample
from benchmarks.soak.verdict import Verdict, judge
from benchmarks.soak.visitors import Visitors

SAMPLE_INTERVAL_S = 10.0
SHORT_TTLS = {"CHROMI_UPLOAD_TTL_S": "60", "CHROMI_LINK_TTL_S": "60"}
MAX_WAIT_FOR_IDLE_S = 200.0
"""Uploads and results expire after a minute, and the cleanup runs every minute."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak")
    parser.add_argument("--minutes", type=float, default=20.0, help="duration of the load")
    parser.add_argument("--visitors", type=int, default=6, help="number of concurrent visitors")
    parser.add_argument("--seed", type=int, default=1, help="seed of the visitors' random choices")
    parser.add_argument("--log", type=Path, help="file for the log of the service")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # otherwise the service would keep running
    os.environ.update(SHORT_TTLS)
    with tempfile.TemporaryDirectory(prefix="chromi-soak-") as folder:
        verdicts, errors = soak(Path(folder), options)
    print("| what | before | highest | last half | quiet | |\n|---|---:|---:|---:|---:|---|")
    print("\n".join(map(str, verdicts)))
    print("\n".join(f"ERROR: {error}" for error in errors[:20]))
    sys.exit(1 if errors or any(verdict.problem for verdict in verdicts) else 0)


def soak(folder: Path, options: argparse.Namespace) -> tuple[list[Verdict], list[str]]:
    """Run the soak and return the rows of the table and the errors of the visitors."""
    light_clip = make_clip(folder / "light.mp4", "testsrc2=size=640x360:rate=30", 4)
    heavy_clip = make_clip(folder / "heavy.mp4", "testsrc2=size=1280x720:rate=30,noise=alls=40:allf=t", 5)
    with running_service(folder, options.log) as (service, url):
        instance = folder / "instance"
        sampler = Sampler(lambda: take_sample(service.pid, url, instance), interval_s=SAMPLE_INTERVAL_S)
        client = Client(url)
        # Its first conversion makes the service load all modules before the first sample.
        visitors = Visitors(client, light_clip, heavy_clip, count=0, seed=options.seed)
        before = sampler.take_sample()
        with sampler:
            visitors = Visitors(client, light_clip, heavy_clip, count=options.visitors, seed=options.seed)
            report_progress(options.minutes * 60, sampler, visitors)
            visitors.stop()
        after = wait_until_idle(sampler)
    print(f"visits: {dict(visitors.visits.completed)}; responses: {dict(sorted(client.statuses.items()))}")
    print(f"downloaded: {client.bytes_in / 1e6:.0f} MB")
    return judge(before, sampler.samples, after), visitors.visits.errors


def report_progress(duration_s: float, sampler: Sampler, visitors: Visitors) -> None:
    """Print the visits and some resources every minute for this time."""
    end = time.monotonic() + duration_s
    while (remaining_s := end - time.monotonic()) > 0:
        time.sleep(min(60.0, remaining_s))
        last = sampler.samples[-1] if sampler.samples else {}
        shown = ", ".join(f"{name} {last[name]:g}" for name in last if "memory" in name or "queue" in name)
        visits = visitors.visits.completed.total()
        print(f"{remaining_s / 60:4.1f} min left; {visits} visits; {shown}", flush=True)


def wait_until_idle(sampler: Sampler) -> Sample:
    """Wait until all jobs have ended and all files have expired, and return a sample taken after that."""
    deadline = time.monotonic() + MAX_WAIT_FOR_IDLE_S
    while True:
        sample = sampler.take_sample()
        is_empty = not any(sample[f"disk: media/{name}, MB"] for name in ("uploads", "frames", "work"))
        if (is_empty and not sample["queue: jobs"]) or time.monotonic() > deadline:
            time.sleep(SAMPLE_INTERVAL_S)
            return sampler.take_sample()
        time.sleep(SAMPLE_INTERVAL_S)


def make_clip(path: Path, source: str, duration_s: int) -> bytes:
    codec = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-crf", "30")
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    run_and_capture([ffmpeg, "-v", "error", "-f", "lavfi", "-i", source, "-t", str(duration_s), *codec, path])
    return path.read_bytes()


if __name__ == "__main__":
    main()
