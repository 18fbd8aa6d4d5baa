"""Small clips of every shape, made on the spot by the bundled ffmpeg from its own test pictures."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import imageio_ffmpeg

QUADRANTS = {"red": (0, 0), "lime": (1, 0), "blue": (0, 1), "yellow": (1, 1)}
"""Colors by place (0 left or top, 1 right or bottom): whoever turns this picture is found out."""

_FASTEST = {
    "libx264": ("-preset", "ultrafast"),
    "libx265": ("-preset", "ultrafast", "-x265-params", "log-level=error"),
    "libvpx": ("-deadline", "realtime", "-cpu-used", "8", "-auto-alt-ref", "0"),
    "libvpx-vp9": ("-deadline", "realtime", "-cpu-used", "8", "-auto-alt-ref", "0"),
    "libaom-av1": ("-cpu-used", "8", "-usage", "realtime"),
}


def ffmpeg(*arguments: str | Path) -> None:
    """Run the bundled ffmpeg, overwriting its output; its complaint becomes the test's."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def make_clip(
    path: Path,
    *,
    seconds: float = 8,
    size: str = "640x360",
    rate: float = 30,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    picture: str = "testsrc2",
    filters: str = "null",
    noise: bool = False,
    sound: bool = False,
    rotate: int | None = None,
    options: Sequence[str] = (),
) -> Path:
    """Make a clip at `path`, whose suffix chooses the container, and return the path.

    `picture` is a lavfi source (testsrc2: moving shapes and a counter), or "quadrants". `rotate` writes a
    display matrix: degrees counter-clockwise that a player turns the picture, -90 being an upright phone's.
    `noise` makes every frame expensive.
    """
    grain = ",noise=alls=80:allf=t+u" if noise else ""
    source = quadrants(size, rate) if picture == "quadrants" else _sized(picture, size, rate)
    tone = ("-f", "lavfi", "-i", "sine=frequency=440") if sound else ()
    made = path.with_stem(f"{path.stem}-unturned") if rotate is not None else path
    ffmpeg(
        *("-f", "lavfi", "-i", f"{source},{filters}{grain},format={pix_fmt}", *tone),
        *("-t", str(seconds), "-c:v", codec, *_FASTEST.get(codec, ()), *options, made),
    )
    if rotate is not None:
        ffmpeg("-display_rotation", str(rotate), "-i", made, "-c", "copy", path)
        made.unlink()
    return path


def quadrants(size: str, rate: float = 30) -> str:
    """Return a lavfi source of four plain colors, see QUADRANTS."""
    width, _, height = size.partition("x")
    boxes = ",".join(
        f"drawbox=x={column}*iw/2:y={row}*ih/2:w=iw/2:h=ih/2:color={color}:thickness=fill"
        for color, (column, row) in QUADRANTS.items()
    )
    return f"color=black:size={width}x{height}:rate={rate},format=rgb24,{boxes}"


def make_sound(path: Path, *, seconds: float = 2) -> Path:
    """Make a file with sound and no picture."""
    ffmpeg("-f", "lavfi", "-i", "sine=frequency=440", "-t", str(seconds), path)
    return path


def _sized(picture: str, size: str, rate: float) -> str:
    return f"{picture}{':' if '=' in picture else '='}size={size}:rate={rate}"
