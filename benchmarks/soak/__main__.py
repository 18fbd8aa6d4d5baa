"""`make soak`, or `python -m benchmarks.soak --minutes 20`: exit code 0 if the service stays as it was.

Starts a whole Chromi on a folder of its own and sends it visitors who upload, convert, watch, download,
share, cancel, do it wrong and run away, a few things a second; samples what it takes every ten seconds; and
waits in the end until all that has expired must be gone.
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

from benchmarks.measure import ask
from benchmarks.service import running_service
from benchmarks.soak.client import Client
from benchmarks.soak.verdict import BaseModel, judge
from benchmarks.soak.visitors import Visitors
from benchmarks.soak.watch import Sample, Watch, look_at

EVERY_S = 10.0
SHORT_LIVED = {"CHROMI_UPLOAD_TTL_S": "60", "CHROMI_LINK_TTL_S": "60"}
QUIET_S = 200.0
"""Uploads and results live a minute, and a sweep comes every minute."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak")
    parser.add_argument("--minutes", type=float, default=20.0, help="how long visitors come")
    parser.add_argument("--visitors", type=int, default=6, help="how many of them at once")
    parser.add_argument("--seed", type=int, default=1, help="another order of what they do")
    parser.add_argument("--log", type=Path, help="a file for what the service says")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # else the service would be left behind
    os.environ.update(SHORT_LIVED)
    with tempfile.TemporaryDirectory(prefix="chromi-soak-") as name:
        rows, wrong = soak(Path(name), options)
    print("| what | before | highest | last half | quiet | |\n|---|---:|---:|---:|---:|---|")
    print("\n".join(map(str, rows)))
    print("\n".join(f"WRONG: {each}" for each in wrong[:20]))
    sys.exit(1 if wrong or any(row.trouble for row in rows) else 0)


def soak(folder: Path, options: argparse.Namespace) -> tuple[list[BaseModel], list[str]]:
    """Run it; gives the table and what visitors found wrong."""
    light = make_clip(folder / "light.mp4", "testsrc2=size=640x360:rate=30", 4)
    heavy = make_clip(folder / "heavy.mp4", "testsrc2=size=1280x720:rate=30,noise=alls=40:allf=t", 5)
    with running_service(folder, options.log) as (service, url):
        watch = Watch(lambda: look_at(service.pid, url, folder / "instance"), every_s=EVERY_S)
        client = Client(url)
        visitors = Visitors(client, light, heavy, count=0, seed=options.seed)  # warm: all modules are loaded
        before = watch.look()
        with watch:
            visitors = Visitors(client, light, heavy, count=options.visitors, seed=options.seed)
            tell_and_wait(options.minutes * 60, watch, visitors)
            visitors.stop()
        quiet = wait_for_quiet(watch)
    print(f"done: {dict(visitors.visits.done)}; answers: {dict(sorted(client.answers.items()))}")
    print(f"downloaded: {client.bytes_in / 1e6:.0f} MB")
    return judge(before, watch.samples, quiet), visitors.visits.wrong


def tell_and_wait(seconds: float, watch: Watch, visitors: Visitors) -> None:
    """Let them come, and say every minute how it stands."""
    end = time.monotonic() + seconds
    while (remaining_s := end - time.monotonic()) > 0:
        time.sleep(min(60.0, remaining_s))
        last = watch.samples[-1] if watch.samples else {}
        shown = ", ".join(f"{name} {last[name]:g}" for name in last if "memory" in name or "queue" in name)
        print(f"{remaining_s / 60:4.1f} min left; {visitors.visits.done.total()} visits; {shown}", flush=True)


def wait_for_quiet(watch: Watch) -> Sample:
    """Wait until no job is left and what expires has expired; gives the sample at the end."""
    deadline = time.monotonic() + QUIET_S
    while True:
        sample = watch.look()
        is_empty = not any(sample[f"disk: media/{name}, MB"] for name in ("uploads", "frames", "work"))
        if (is_empty and not sample["queue: jobs"]) or time.monotonic() > deadline:
            time.sleep(EVERY_S)
            return watch.look()
        time.sleep(EVERY_S)


def make_clip(path: Path, source: str, seconds: int) -> bytes:
    codec = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-crf", "30")
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    ask([ffmpeg, "-v", "error", "-f", "lavfi", "-i", source, "-t", str(seconds), *codec, path])
    return path.read_bytes()


if __name__ == "__main__":
    main()
