"""Make small test clips with the bundled ffmpeg from its own test patterns."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import imageio_ffmpeg

QUADRANTS = {"red": (0, 0), "lime": (1, 0), "blue": (0, 1), "yellow": (1, 1)}
"""Colors by column and row, 0 or 1. Rotating or mirroring this pattern is always detectable."""

HLG_OPTIONS = (
    *("-color_primaries", "bt2020", "-colorspace", "bt2020nc", "-color_trc", "arib-std-b67"),
    *("-x265-params", "log-level=error:colorprim=bt2020:colormatrix=bt2020nc:transfer=arib-std-b67"),
)
"""Options of libx265 that tag a clip as HDR; with the pixel format yuv420p10le."""

_FASTEST = {
    "libx264": ("-preset", "ultrafast"),
    "libx265": ("-preset", "ultrafast", "-x265-params", "log-level=error"),
    "libvpx": ("-deadline", "realtime", "-cpu-used", "8", "-auto-alt-ref", "0"),
    "libvpx-vp9": ("-deadline", "realtime", "-cpu-used", "8", "-auto-alt-ref", "0"),
    "libaom-av1": ("-cpu-used", "8", "-usage", "realtime"),
}


def ffmpeg(*arguments: str | Path) -> None:
    """Run the bundled ffmpeg and overwrite its output. If it fails, the test fails with its error."""
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
    pattern: str = "testsrc2",
    filters: str = "null",
    noise: bool = False,
    audio: bool = False,
    rotate: int | None = None,
    options: Sequence[str] = (),
) -> Path:
    """Make a clip at `path`, whose suffix selects the container, and return the path.

    `pattern` is a lavfi source (testsrc2: moving shapes and a counter), or "quadrants". `rotate` writes a
    display matrix: the degrees counterclockwise by which a player rotates the frames, -90 for an upright
    phone. `noise` makes every frame expensive to encode.
    """
    grain = ",noise=alls=80:allf=t+u" if noise else ""
    source = quadrants(size, rate) if pattern == "quadrants" else _add_size(pattern, size, rate)
    tone = ("-f", "lavfi", "-i", "sine=frequency=440") if audio else ()
    encoded = path.with_stem(f"{path.stem}-unrotated") if rotate is not None else path
    ffmpeg(
        *("-f", "lavfi", "-i", f"{source},{filters}{grain},format={pix_fmt}", *tone),
        *("-t", str(seconds), "-c:v", codec, *_FASTEST.get(codec, ()), *options, encoded),
    )
    if rotate is not None:
        ffmpeg("-display_rotation", str(rotate), "-i", encoded, "-c", "copy", path)
        encoded.unlink()
    return path


def quadrants(size: str, rate: float = 30) -> str:
    """Return a lavfi source of four solid colors, see QUADRANTS."""
    width, _, height = size.partition("x")
    boxes = ",".join(
        f"drawbox=x={column}*iw/2:y={row}*ih/2:w=iw/2:h=ih/2:color={color}:thickness=fill"
        for color, (column, row) in QUADRANTS.items()
    )
    return f"color=black:size={width}x{height}:rate={rate},format=rgb24,{boxes}"


def make_audio(path: Path, *, seconds: float = 2) -> Path:
    """Make a file with an audio stream only."""
    ffmpeg("-f", "lavfi", "-i", "sine=frequency=440", "-t", str(seconds), path)
    return path


def _add_size(pattern: str, size: str, rate: float) -> str:
    return f"{pattern}{':' if '=' in pattern else '='}size={size}:rate={rate}"
