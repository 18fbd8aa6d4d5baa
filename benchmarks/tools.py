"""The tools that are compared, and the commands that they run."""

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
"""The input step of gifski."""

_MOVIEPY_SCRIPT = Path(__file__).with_name("moviepy_clip.py")
_COVER_FILTER = (
    f"scale={WIDTH_PX}:{HEIGHT_PX}:force_original_aspect_ratio=increase,crop={WIDTH_PX}:{HEIGHT_PX}"
)
_FFMPEG = (FFMPEG, "-v", "error", "-nostdin", "-y")


@dataclass(frozen=True)
class Conversion:
    """One conversion of a clip. `folder` is the tool's own one, `input_folder` that of its input step."""

    clip: Clip
    folder: Path
    input_folder: Path
    quality: int = 0

    @property
    def gif(self) -> Path:
        return self.folder / "out.gif"


@dataclass(frozen=True)
class Tool:
    """A tool with one configuration.

    `input_step` is the key of a step that runs before it and whose time counts too. `peer` is the key of a
    program in `benchmarks.peers` that has to be installed.
    """

    key: str
    label: str
    commands: Callable[[Conversion], list[Command]]
    input_step: str = ""
    peer: str = ""
    makes_gif: bool = True


def _window(conversion: Conversion) -> tuple[str, ...]:
    return ("-ss", f"{conversion.clip.start_s:g}", "-t", f"{WINDOW_S:g}", "-i", str(conversion.clip.path))


def _floor(conversion: Conversion) -> list[Command]:
    graph = f"fps={FPS},trim=end_frame={FRAMES},{_COVER_FILTER}"
    source = ("-an", "-sn", "-dn", "-ss", f"{conversion.clip.start_s:g}", "-i", str(conversion.clip.path))
    return [[*_FFMPEG, *source, "-map", "0:V:0", "-vf", graph, "-f", "null", "-"]]


def _chromi(*options: str) -> Callable[[Conversion], list[Command]]:
    def commands(conversion: Conversion) -> list[Command]:
        window = ("--start", f"{conversion.clip.start_s:g}", "--duration", f"{WINDOW_S:g}")
        return [
            [
                sys.executable,
                "-m",
                "chromi",
                "convert",
                conversion.clip.path,
                conversion.gif,
                *window,
                *options,
            ]
        ]

    return commands


def _plain(conversion: Conversion) -> list[Command]:
    palette = conversion.folder / "palette.png"
    first = f"fps={FPS},{_COVER_FILTER},palettegen"
    second = f"[0:V:0]fps={FPS},{_COVER_FILTER}[x];[x][1:v]paletteuse"
    return [
        [*_FFMPEG, *_window(conversion), "-map", "0:V:0", "-vf", first, "-update", "1", palette],
        [*_FFMPEG, *_window(conversion), "-i", palette, "-lavfi", second, conversion.gif],
    ]


def _split(conversion: Conversion) -> list[Command]:
    graph = f"[0:V:0]fps={FPS},{_COVER_FILTER},split[a][b];[a]palettegen[p];[b][p]paletteuse"
    return [[*_FFMPEG, *_window(conversion), "-lavfi", graph, conversion.gif]]


def _moviepy(conversion: Conversion) -> list[Command]:
    window = [f"{value:g}" for value in (conversion.clip.start_s, WINDOW_S, WIDTH_PX, HEIGHT_PX, FPS)]
    return [[PYTHON, _MOVIEPY_SCRIPT, conversion.clip.path, conversion.gif, *window]]


def _extract_frames(conversion: Conversion) -> list[Command]:
    # Level 0 is the fastest input for gifski: twice the bytes in less than half the time of level 1.
    graph = f"[0:V:0]fps={FPS},{_COVER_FILTER}"
    names = conversion.folder / "%04d.png"
    return [[*_FFMPEG, *_window(conversion), "-lavfi", graph, "-compression_level", "0", names]]


def _gifski(conversion: Conversion) -> list[Command]:
    size = ("-r", str(FPS), "-W", str(WIDTH_PX), "-H", str(HEIGHT_PX), "-Q", str(conversion.quality))
    return [[GIFSKI, "--quiet", *size, "-o", conversion.gif, *sorted(conversion.input_folder.glob("*.png"))]]


def _gifsicle(conversion: Conversion) -> list[Command]:
    options = ("-O3", "--lossy=80", "--colors", "256", "--no-warnings")
    return [[GIFSICLE, *options, conversion.input_folder / "out.gif", "-o", conversion.gif]]


TOOLS = (
    Tool(FLOOR, "floor: decode and scale only", _floor, makes_gif=False),
    Tool(SMALL, "Chromi small", _chromi("--quality", "small")),
    Tool(BALANCED, "Chromi balanced", _chromi()),  # the default quality
    Tool(BEST, "Chromi best", _chromi("--quality", "best")),
    Tool(PLAIN, "ffmpeg, plain two passes", _plain),
    Tool(SPLIT, "ffmpeg, one command with split", _split),
    Tool(MOVIEPY, "MoviePy write_gif", _moviepy, peer="moviepy"),
    Tool(GIFSKI_100, "gifski Q100", _gifski, input_step=FRAMES_STEP, peer="gifski"),
    Tool(GIFSKI_NEAR, "gifski, nearest above balanced", _gifski, input_step=FRAMES_STEP, peer="gifski"),
    Tool(GIFSICLE_ALONE, "split, then gifsicle --lossy=80", _gifsicle, input_step=SPLIT, peer="gifsicle"),
    Tool(ONE_THREAD, "Chromi balanced, one thread", _chromi("--threads", "1")),
)
STEPS = {tool.key: tool for tool in TOOLS} | {
    FRAMES_STEP: Tool(FRAMES_STEP, "frames for gifski", _extract_frames, makes_gif=False)
}
"""All tools and input steps by key."""


def select_tools(clip: Clip, only: Sequence[str]) -> list[Tool]:
    """Return the tools that run on this clip, in order. The large clip measures speed and memory only."""
    if clip.is_speed_only:
        keys = {FLOOR, BALANCED, ONE_THREAD}
    else:
        keys = {tool.key for tool in TOOLS} - {ONE_THREAD}
    return [tool for tool in TOOLS if tool.key in keys & set(only)]
