"""Make the clip in the screenshots from a ready-made background."""

import subprocess
from pathlib import Path

from chromi.encoder.process.ffmpeg import find_ffmpeg

BACKGROUND = Path(__file__).parents[2] / "chromi" / "static" / "examples" / "flower.gif"
DURATION_S = 14


def make_demo_clip(path: Path) -> Path:
    """Write the clip, 14 seconds of 1280x720, and return its path."""
    source = ["-stream_loop", "-1", "-i", str(BACKGROUND), "-t", str(DURATION_S)]
    h264 = ["-c:v", "libx264", "-preset", "fast", "-crf", "18", "-pix_fmt", "yuv420p", "-g", "24"]
    command = [str(find_ffmpeg()), "-v", "error", *source, *h264, str(path)]
    subprocess.run(command, check=True)  # noqa: S603  our own arguments only
    return path
