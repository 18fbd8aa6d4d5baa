"""The tools that are compared, and the commands that they run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import peers
from benchmarks.clips import FFMPEG, FRAMES, WINDOW_S, Clip
from benchmarks.filters import COVER, FPS, HEIGHT_PX, TO_RGB, WIDTH_PX
from benchmarks.measure import Command

ROOT = Path(__file__).resolve().parent.parent

FLOOR, SMALL, BALANCED, BEST = "floor", "small", "balanced", "best"
PLAIN, SPLIT, MOVIEPY, GIFSICLE_ALONE = "plain", "split", "moviepy", "gifsicle"
FRAMES_STEP = "frames"
"""The input step of gifski."""

GIFSKI_QUALITIES = (30, 50, 70, 80, 90, 100)
GIFSKI = tuple(f"gifski-{quality}" for quality in GIFSKI_QUALITIES)
GIFSKI_100 = GIFSKI[-1]
"""The keys of gifski at each quality. Between them, its figures are interpolated."""

OPTIONAL = frozenset((SPLIT, GIFSICLE_ALONE))
"""Tools that run only if they are selected, because they take long."""

_MOVIEPY_SCRIPT = Path(__file__).with_name("moviepy_clip.py")
_TO_BGRA = f"{COVER},{TO_RGB},format=bgra"
_FFMPEG = (FFMPEG, "-v", "error", "-nostdin", "-y")


@dataclass(frozen=True)
class Conversion:
    """One conversion of a clip. `folder` is the tool's own one, `input_folder` that of its input step."""

    clip: Clip
    folder: Path
    input_folder: Path

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
    graph = f"fps={FPS},trim=end_frame={FRAMES},{COVER}"
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
    first = f"fps={FPS},{_TO_BGRA},palettegen"
    second = f"[0:V:0]fps={FPS},{_TO_BGRA}[x];[x][1:v]paletteuse"
    return [
        [*_FFMPEG, *_window(conversion), "-map", "0:V:0", "-vf", first, "-update", "1", palette],
        [*_FFMPEG, *_window(conversion), "-i", palette, "-lavfi", second, conversion.gif],
    ]


def _split(conversion: Conversion) -> list[Command]:
    graph = f"[0:V:0]fps={FPS},{_TO_BGRA},split[a][b];[a]palettegen[p];[b][p]paletteuse"
    return [[*_FFMPEG, *_window(conversion), "-lavfi", graph, conversion.gif]]


def _moviepy(conversion: Conversion) -> list[Command]:
    window = [f"{value:g}" for value in (conversion.clip.start_s, WINDOW_S, WIDTH_PX, HEIGHT_PX, FPS)]
    return [[peers.PYTHON, _MOVIEPY_SCRIPT, conversion.clip.path, conversion.gif, *window]]


def _extract_frames(conversion: Conversion) -> list[Command]:
    # Level 0 is the fastest input for gifski: twice the bytes in less than half the time of level 1.
    graph = f"[0:V:0]fps={FPS},{COVER},{TO_RGB},format=rgb24"
    names = conversion.folder / "%04d.png"
    return [[*_FFMPEG, *_window(conversion), "-lavfi", graph, "-compression_level", "0", names]]


def _gifski(quality: int) -> Callable[[Conversion], list[Command]]:
    def commands(conversion: Conversion) -> list[Command]:
        options = ("-r", str(FPS), "-W", str(WIDTH_PX), "-H", str(HEIGHT_PX), "-Q", str(quality))
        images = sorted(conversion.input_folder.glob("*.png"))
        return [[peers.GIFSKI, "--quiet", *options, "-o", conversion.gif, *images]]

    return commands


def _gifsicle(conversion: Conversion) -> list[Command]:
    options = ("-O3", "--lossy=80", "--colors", "256", "--no-warnings")
    return [[peers.GIFSICLE, *options, conversion.input_folder / "out.gif", "-o", conversion.gif]]


TOOLS = (
    Tool(FLOOR, "floor: decode and scale only", _floor, makes_gif=False),
    Tool(SMALL, "Chromi small", _chromi("--quality", "small")),
    Tool(BALANCED, "Chromi balanced", _chromi()),  # the default quality
    Tool(BEST, "Chromi best", _chromi("--quality", "best")),
    Tool(PLAIN, "ffmpeg, plain two passes", _plain),
    Tool(SPLIT, "ffmpeg, one command with split", _split),
    Tool(MOVIEPY, "MoviePy write_gif", _moviepy, peer="moviepy"),
    *(
        Tool(key, f"gifski Q{quality}", _gifski(quality), input_step=FRAMES_STEP, peer="gifski")
        for key, quality in zip(GIFSKI, GIFSKI_QUALITIES, strict=True)
    ),
    Tool(GIFSICLE_ALONE, "split, then gifsicle --lossy=80", _gifsicle, input_step=SPLIT, peer="gifsicle"),
)
STEPS = {tool.key: tool for tool in TOOLS} | {
    FRAMES_STEP: Tool(FRAMES_STEP, "frames for gifski", _extract_frames, makes_gif=False)
}
"""All tools and input steps by key."""


def select_tools(clip: Clip, only: Sequence[str]) -> list[Tool]:
    """Return the tools that run on this clip, in order. The large clip measures speed and memory only."""
    keys = set(only) & {FLOOR, BALANCED} if clip.is_speed_only else set(only)
    return [tool for tool in TOOLS if tool.key in keys]
