"""Who is compared, and the commands that each of them runs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.clips import FFMPEG, FPS, FRAMES, HEIGHT_PX, WIDTH_PX, WINDOW_S, Clip
from benchmarks.measure import Command
from benchmarks.peers import GIFSICLE, GIFSKI, PYTHON

ROOT = Path(__file__).resolve().parent.parent

FLOOR, SMALL, BALANCED, BEST, ONE_THREAD = "floor", "small", "balanced", "best", "balanced-1-thread"
PLAIN, SPLIT, MOVIEPY = "plain", "split", "moviepy"
GIFSKI_NEAR, GIFSKI_100, GIFSICLE_ALONE = "gifski-near", "gifski-100", "gifsicle"
FRAMES_STEP = "frames"
"""Not a contender, but what gifski needs first."""

_MOVIEPY_SCRIPT = Path(__file__).with_name("moviepy_clip.py")
_COVER = f"scale={WIDTH_PX}:{HEIGHT_PX}:force_original_aspect_ratio=increase,crop={WIDTH_PX}:{HEIGHT_PX}"
_QUIET = (FFMPEG, "-v", "error", "-nostdin", "-y")


@dataclass(frozen=True)
class Task:
    """One conversion: `folder` is the contender's own, `inputs` that of the step that it builds on."""

    clip: Clip
    folder: Path
    inputs: Path
    quality: int = 0

    @property
    def gif(self) -> Path:
        return self.folder / "out.gif"


@dataclass(frozen=True)
class Contender:
    """A tool in one setting; `builds_on` is a step whose time counts too, `peer` what must be installed."""

    key: str
    label: str
    commands: Callable[[Task], list[Command]]
    builds_on: str = ""
    peer: str = ""
    draws: bool = True


def _window(task: Task) -> tuple[str, ...]:
    return ("-ss", f"{task.clip.start_s:g}", "-t", f"{WINDOW_S:g}", "-i", str(task.clip.path))


def _floor(task: Task) -> list[Command]:
    graph = f"fps={FPS},trim=end_frame={FRAMES},{_COVER}"
    source = ("-an", "-sn", "-dn", "-ss", f"{task.clip.start_s:g}", "-i", str(task.clip.path))
    return [[*_QUIET, *source, "-map", "0:V:0", "-vf", graph, "-f", "null", "-"]]


def _chromi(*options: str) -> Callable[[Task], list[Command]]:
    def commands(task: Task) -> list[Command]:
        window = ("--start", f"{task.clip.start_s:g}", "--duration", f"{WINDOW_S:g}")
        return [[sys.executable, "-m", "chromi", "convert", task.clip.path, task.gif, *window, *options]]

    return commands


def _plain(task: Task) -> list[Command]:
    palette = task.folder / "palette.png"
    first = f"fps={FPS},{_COVER},palettegen"
    second = f"[0:V:0]fps={FPS},{_COVER}[x];[x][1:v]paletteuse"
    return [
        [*_QUIET, *_window(task), "-map", "0:V:0", "-vf", first, "-update", "1", palette],
        [*_QUIET, *_window(task), "-i", palette, "-lavfi", second, task.gif],
    ]


def _split(task: Task) -> list[Command]:
    graph = f"[0:V:0]fps={FPS},{_COVER},split[a][b];[a]palettegen[p];[b][p]paletteuse"
    return [[*_QUIET, *_window(task), "-lavfi", graph, task.gif]]


def _moviepy(task: Task) -> list[Command]:
    window = [f"{value:g}" for value in (task.clip.start_s, WINDOW_S, WIDTH_PX, HEIGHT_PX, FPS)]
    return [[PYTHON, _MOVIEPY_SCRIPT, task.clip.path, task.gif, *window]]


def _extract_frames(task: Task) -> list[Command]:
    # Level 0 is the fastest way to gifski: it writes twice the bytes in less than half the time of level 1.
    graph = f"[0:V:0]fps={FPS},{_COVER}"
    names = task.folder / "%04d.png"
    return [[*_QUIET, *_window(task), "-lavfi", graph, "-compression_level", "0", names]]


def _gifski(task: Task) -> list[Command]:
    size = ("-r", str(FPS), "-W", str(WIDTH_PX), "-H", str(HEIGHT_PX), "-Q", str(task.quality))
    return [[GIFSKI, "--quiet", *size, "-o", task.gif, *sorted(task.inputs.glob("*.png"))]]


def _gifsicle(task: Task) -> list[Command]:
    options = ("-O3", "--lossy=80", "--colors", "256", "--no-warnings")
    return [[GIFSICLE, *options, task.inputs / "out.gif", "-o", task.gif]]


CONTENDERS = (
    Contender(FLOOR, "floor: decode and scale only", _floor, draws=False),
    Contender(SMALL, "Chromi small", _chromi("--quality", "small")),
    Contender(BALANCED, "Chromi balanced", _chromi()),  # it is what Chromi does when nothing is asked
    Contender(BEST, "Chromi best", _chromi("--quality", "best")),
    Contender(PLAIN, "ffmpeg, plain two passes", _plain),
    Contender(SPLIT, "ffmpeg, one command with split", _split),
    Contender(MOVIEPY, "MoviePy write_gif", _moviepy, peer="moviepy"),
    Contender(GIFSKI_100, "gifski Q100", _gifski, builds_on=FRAMES_STEP, peer="gifski"),
    Contender(GIFSKI_NEAR, "gifski, nearest above balanced", _gifski, builds_on=FRAMES_STEP, peer="gifski"),
    Contender(GIFSICLE_ALONE, "split, then gifsicle --lossy=80", _gifsicle, builds_on=SPLIT, peer="gifsicle"),
    Contender(ONE_THREAD, "Chromi balanced, one thread", _chromi("--threads", "1")),
)
STEPS = {contender.key: contender for contender in CONTENDERS} | {
    FRAMES_STEP: Contender(FRAMES_STEP, "frames for gifski", _extract_frames, draws=False)
}
"""Everything that can be run, by its key."""


def for_clip(clip: Clip, only: Sequence[str]) -> list[Contender]:
    """Return who runs on this clip, in order: the large one is about speed and memory alone."""
    if clip.only_floor:
        keys = {FLOOR, BALANCED, ONE_THREAD}
    else:
        keys = {contender.key for contender in CONTENDERS} - {ONE_THREAD}
    return [contender for contender in CONTENDERS if contender.key in keys & set(only)]
