"""Is the ffmpeg on this machine able to do the work?"""

from dataclasses import dataclass
from pathlib import Path

from chromi.encoder.ffmpeg import DECODERS, find_ffmpeg, run
from chromi.encoder.process import Limits

_FILTERS = (
    *("fps", "trim", "settb", "setpts", "setparams", "crop", "scale", "setsar", "split", "format"),
    *("pad", "tpad", "geq", "gblur", "lutyuv", "blend"),
    *(
        "zscale",
        "tonemap",
        "drawbox",
        "overlay",
        "concat",
        "hqdn3d",
        "libvmaf",
        "psnr",
        "palettegen",
        "paletteuse",
        "showinfo",
    ),
)
_LIMITS = Limits(wall_s=10, file_bytes=0)


@dataclass(frozen=True)
class FfmpegReport:
    """Which ffmpeg there is, and the filters and decoders that it lacks."""

    path: Path
    version: str
    missing: tuple[str, ...]


def inspect_ffmpeg() -> FfmpegReport:
    """Ask the installed ffmpeg what it is and what it can do, in three short runs.

    Raises FfmpegMissing and TimedOut.
    """
    version = _ask("-version")[0].split()
    present = {words[1] for line in _ask("-filters") + _ask("-decoders") if len(words := line.split()) > 1}
    missing = tuple(name for name in (*_FILTERS, *DECODERS) if name not in present)
    return FfmpegReport(find_ffmpeg(), version[2] if len(version) > 2 else "unknown", missing)


def _ask(question: str) -> list[str]:
    lines: list[str] = []
    run([question], limits=_LIMITS, on_output=lines.append).check()
    return lines
