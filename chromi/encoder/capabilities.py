"""Check whether the installed programs support everything that the encoder uses."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chromi.encoder.encoder_errors import GifsicleMissing
from chromi.encoder.gif.gifsicle import find_gifsicle
from chromi.encoder.process import subprocess_runner
from chromi.encoder.process.ffmpeg import DECODERS, find_ffmpeg, run_ffmpeg
from chromi.encoder.process.sandbox import Sandbox, detect_sandbox
from chromi.encoder.process.subprocess_runner import ProcessLimits

_FILTERS = (
    *("fps", "trim", "select", "settb", "setpts", "setparams", "crop", "scale", "setsar", "split", "format"),
    *("pad", "tpad", "geq", "gblur", "lutyuv", "blend", "zscale", "tonemap", "drawbox", "overlay"),
    *("fillborders", "colorchannelmixer", "tile"),
    *("concat", "hqdn3d", "libvmaf", "psnr", "paletteuse", "showinfo"),
)
_ENCODERS = ("utvideo", "gif", "png", "libx264", "rawvideo", "wrapped_avframe")  # the last is for `-f null`
_LIMITS = ProcessLimits(timeout_s=10, max_file_bytes=0)


@dataclass(frozen=True)
class FfmpegReport:
    """The installed ffmpeg version and the filters, decoders and encoders that it lacks."""

    path: Path
    version: str
    missing: tuple[str, ...]


def inspect_ffmpeg() -> FfmpegReport:
    """Return the version and missing components of the installed ffmpeg, using four short runs.

    Raises FfmpegMissing and TimedOut.
    """
    version = _run_ffmpeg("-version")[0].split()
    missing = (
        *_find_missing("filter", _FILTERS),
        *_find_missing("decoder", ("utvideo", *DECODERS)),
        *_find_missing("encoder", _ENCODERS),
    )
    return FfmpegReport(find_ffmpeg(), version[2] if len(version) > 2 else "unknown", missing)


def inspect_gifsicle() -> str:
    """Return the version of the installed gifsicle. Raises GifsicleMissing and TimedOut."""
    lines: list[str] = []
    outcome = subprocess_runner.run_program(
        [str(find_gifsicle()), "--version"], limits=_LIMITS, on_output=lines.append
    )
    words = " ".join(lines[:1]).split()
    if outcome.exit_code or not words:
        raise GifsicleMissing(detail=outcome.log)
    return words[-1]


def inspect_sandbox() -> Sandbox:
    """Return the sandbox that detect_sandbox selects for ffmpeg and gifsicle on this machine.

    Raises ServiceBusy.
    """
    return detect_sandbox()


def _find_missing(component: str, names: Sequence[str]) -> list[str]:
    """Return the missing names with their component type, because "gif" is both a decoder and an encoder."""
    listing = _run_ffmpeg(f"-{component}s")
    present = {words[1] for line in listing if len(words := line.split()) > 1}
    return [f"the {component} {name}" for name in names if name not in present]


def _run_ffmpeg(option: str) -> list[str]:
    lines: list[str] = []
    run_ffmpeg([option], limits=_LIMITS, on_output=lines.append).check()
    return lines
