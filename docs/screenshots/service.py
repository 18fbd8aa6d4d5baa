"""A Chromi of the screenshots' own, on a folder that is thrown away, and the clips they show."""

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
from docs.screenshots.scene import make_scene

ROOT = Path(__file__).resolve().parents[2]
READY = re.compile(r"Chromi is at (http://\S+?)/ ")
HEAVY_UPLOAD_BYTES = 24_000_000


@contextmanager
def serve(instance: Path, command: str) -> Iterator[str]:
    """Run `python -m chromi` with `up`, or `web` for pages without a worker; give its address."""
    environ = {name: text for name, text in os.environ.items() if not name.startswith("CHROMI_")}
    environ |= {"CHROMI_INSTANCE": str(instance), "CHROMI_PORT": "0", "PYTHONUNBUFFERED": "1"}
    log = instance.with_suffix(f".{command}.log")
    with log.open("w") as out:
        process = subprocess.Popen(  # noqa: S603  our own program
            [sys.executable, "-m", "chromi", command], cwd=ROOT, env=environ, stdout=out, stderr=out
        )
    try:
        yield address(process, log)
    finally:
        process.terminate()
        process.wait(30)


def address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Wait until the service says where it is."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        if found := READY.search(log.read_text()):
            return found[1]
        time.sleep(0.05)
    raise SystemExit(f"The service did not start: {log.read_text()}")


@dataclass(frozen=True)
class Clips:
    """The same scene in the shapes that the states need."""

    plain: Path
    upright: Path
    short: Path
    unplayable: Path
    large: Path
    """Long on its way: the rest of it is a box that players skip."""


def make_clips(folder: Path, given: Path | None) -> Clips:
    """Make them of the given clip, or of our own."""
    plain = given or make_scene(folder / "balloon.mp4")
    upright = "crop=w=floor(min(iw\\,ih*9/16)/2)*2:x=(iw-ow)*0.2"
    return Clips(
        plain,
        upright=derive(plain, folder / "upright.mp4", "-vf", upright),
        short=derive(plain, folder / "short.mp4", "-t", "3.5"),
        unplayable=derive(plain, folder / "old.mp4", "-c:v", "mpeg4", "-q:v", "3"),
        large=enlarge(plain, folder / "large.mp4"),
    )


def derive(clip: Path, path: Path, *options: str) -> Path:
    command = [str(find_ffmpeg()), "-v", "error", "-y", "-i", str(clip), *options, str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)  # noqa: S603  our own words alone
    return path


def enlarge(clip: Path, path: Path) -> Path:
    derive(clip, path, "-c", "copy")
    with path.open("ab") as file:
        file.write(struct.pack(">I4s", HEAVY_UPLOAD_BYTES, b"free") + bytes(HEAVY_UPLOAD_BYTES - 8))
    return path
