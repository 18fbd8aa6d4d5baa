"""Run Chromi in a temporary folder for the screenshots, and make the clips that they show."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from chromi.encoder.process.ffmpeg import find_ffmpeg
from docs.screenshots.demo_clip import make_demo_clip

ROOT = Path(__file__).resolve().parents[2]
READY = re.compile(r"Chromi is running at (http://\S+?)/ ")
START_TIMEOUT_S = 30
LARGE_CLIP_BYTES = 24_000_000


@contextmanager
def run_service(instance: Path, command: str, **settings: str) -> Iterator[str]:
    """Run `python -m chromi serve`, or `web` for pages without a worker. Yields its URL."""
    environ = {name: text for name, text in os.environ.items() if not name.startswith("CHROMI_")}
    environ |= {"CHROMI_INSTANCE": str(instance), "CHROMI_PORT": "0", "CHROMI_ENV_FILE": os.devnull}
    environ |= {"PYTHONUNBUFFERED": "1", **settings}
    log = instance.with_suffix(f".{command}.log")
    with log.open("w") as out:
        process = subprocess.Popen(  # noqa: S603  our own program
            [sys.executable, "-m", "chromi", command], cwd=ROOT, env=environ, stdout=out, stderr=out
        )
    try:
        yield wait_for_url(process, log)
    finally:
        process.terminate()
        process.wait(30)


def wait_for_url(process: subprocess.Popen[bytes], log: Path) -> str:
    """Wait until the service logs its URL and return it."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        if found := READY.search(log.read_text()):
            return found[1]
        time.sleep(0.05)
    raise SystemExit(f"The service did not start: {log.read_text()}")


@dataclass(frozen=True)
class Clips:
    """Variants of the same clip for the different states."""

    plain: Path
    tall: Path
    short: Path
    unplayable: Path
    large: Path
    """Takes a long time to upload, because it ends with an MP4 box that players skip."""


def make_clips(folder: Path, source: Path | None) -> Clips:
    """Make the variants from the given clip or from our demo clip."""
    plain = source or make_demo_clip(folder / "flower.mp4")
    crop = "crop=w=floor(min(iw\\,ih*9/16)/2)*2:x=(iw-ow)*0.2"
    return Clips(
        plain,
        tall=convert(plain, folder / "tall.mp4", "-vf", crop),
        short=convert(plain, folder / "short.mp4", "-t", "3.5"),
        unplayable=convert(plain, folder / "old.mp4", "-c:v", "mpeg4", "-q:v", "3"),
        large=enlarge(plain, folder / "large.mp4"),
    )


def convert(clip: Path, path: Path, *options: str) -> Path:
    command = [str(find_ffmpeg()), "-v", "error", "-y", "-i", str(clip), *options, str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)  # noqa: S603  our own arguments only
    return path


def enlarge(clip: Path, path: Path) -> Path:
    convert(clip, path, "-c", "copy")
    with path.open("ab") as file:
        file.write(struct.pack(">I4s", LARGE_CLIP_BYTES, b"free") + bytes(LARGE_CLIP_BYTES - 8))
    return path
