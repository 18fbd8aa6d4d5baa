"""Are the programs on this machine able to do the work?"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chromi.encoder.encoder_errors import GifsicleMissing
from chromi.encoder.gif.gifsicle import find_gifsicle
from chromi.encoder.process.ffmpeg import DECODERS, find_ffmpeg, run_ffmpeg
from chromi.encoder.process.sandbox import Sandbox, detect_sandbox
from chromi.encoder.process.subprocess_runner import ProcessLimits, run_program

_FILTERS = (
    *("fps", "trim", "select", "settb", "setpts", "setparams", "crop", "scale", "setsar", "split", "format"),
    *("pad", "tpad", "geq", "gblur", "lutyuv", "blend", "zscale", "tonemap", "drawbox", "overlay"),
    *("concat", "hqdn3d", "libvmaf", "psnr", "paletteuse", "showinfo"),
)
_ENCODERS = ("utvideo", "gif", "png", "libx264", "rawvideo", "wrapped_avframe")  # the last writes to nowhere
_LIMITS = ProcessLimits(timeout_s=10, max_file_bytes=0)


@dataclass(frozen=True)
class FfmpegReport:
    """Which ffmpeg there is, and the filters, decoders and encoders that it lacks."""

    path: Path
    version: str
    missing: tuple[str, ...]


def inspect_ffmpeg() -> FfmpegReport:
    """Ask the installed ffmpeg what it is and what it can do, in four short runs.

    Raises FfmpegMissing and TimedOut.
    """
    version = _ask("-version")[0].split()
    missing = (
        *_lacking("filter", _FILTERS),
        *_lacking("decoder", ("utvideo", *DECODERS)),
        *_lacking("encoder", _ENCODERS),
    )
    return FfmpegReport(find_ffmpeg(), version[2] if len(version) > 2 else "unknown", missing)


def inspect_gifsicle() -> str:
    """Return the version of the installed gifsicle. Raises GifsicleMissing and TimedOut."""
    lines: list[str] = []
    outcome = run_program([str(find_gifsicle()), "--version"], limits=_LIMITS, on_output=lines.append)
    words = " ".join(lines[:1]).split()
    if outcome.exit_code or not words:
        raise GifsicleMissing(detail=outcome.log)
    return words[-1]


def inspect_sandbox() -> Sandbox:
    """Return what ffmpeg and gifsicle are enclosed by here. Raises ServiceBusy."""
    return detect_sandbox()


def _lacking(kind: str, names: Sequence[str]) -> list[str]:
    """Return those of `names` that are not there, with their kind: "gif" is a decoder and an encoder."""
    present = {words[1] for line in _ask(f"-{kind}s") if len(words := line.split()) > 1}
    return [f"the {kind} {name}" for name in names if name not in present]


def _ask(question: str) -> list[str]:
    lines: list[str] = []
    run_ffmpeg([question], limits=_LIMITS, on_output=lines.append).check()
    return lines
