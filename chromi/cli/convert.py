"""Commands that read a clip: convert, find-loops, preview."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from chromi.config import Settings
from chromi.encoder import (
    OPTIONS,
    ConversionOptions,
    Progress,
    convert,
    find_loops,
    format_timecode,
    make_preview,
)
from chromi.errors import BadOptions
from chromi.process_hardening import require_sandbox

_OPTION_NAME = re.compile(rf"(?:^|(?<=; ))({'|'.join(OPTIONS)})(?= (?:must be|is) )")
"""The name of an option where a BadOptions message starts or continues."""


class _ClipCommand(click.Command):
    """A command that runs ffmpeg on a file."""

    def invoke(self, ctx: click.Context) -> Any:
        require_sandbox(Settings.from_environ())
        try:
            return super().invoke(ctx)
        except BadOptions as error:
            raise BadOptions(_OPTION_NAME.sub(_flag_of, str(error))) from error


_Command = TypeVar("_Command", bound=Callable[..., Any])


def _flag_of(name: re.Match[str]) -> str:
    """Return the flag of the option that was matched."""
    return "--start" if name[0] == "start_time" else "--" + name[0].replace("_", "-")


def _option(flag: str, default: str, metavar: str, description: str) -> Callable[[_Command], _Command]:
    """Return a decorator that adds an option with a value, which ConversionOptions.parse checks."""
    return click.option(flag, default=default, show_default=True, metavar=metavar, help=description)


@click.command(name="convert", cls=_ClipCommand)
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("destination", type=click.Path(dir_okay=False, path_type=Path))
@_option("--start", "0", "TIME", "Start time, in seconds or as [HH:]MM:SS[.mmm].")
@_option("--duration", "6", "SECONDS", "Length of the GIF, from 1 to 10 seconds.")
@_option(
    "--quality",
    "balanced",
    "[small|balanced|best]",
    "Aim for 10 MB, for 20 to 30 MB depending on the video, or for no size limit. --max-mb is strict.",
)
@click.option("--max-mb", default="", metavar="MB", help="Maximum file size, from 0.1 to 500 MB.")
@_option(
    "--motion",
    "auto",
    "[auto|smooth|color]",
    "What to keep if the GIF would be too large: a balance, the frame rate, or the colors.",
)
@_option(
    "--framing",
    "fill",
    "[fill|fit|blur]",
    "Crop the video, pad it with a color, or pad it with a blurred copy of itself.",
)
@_option("--focus", "0.5,0.5", "X,Y", "Center of the crop, from 0,0 (top left) to 1,1.")
@_option("--zoom", "1", "FACTOR", "Zoom in on the focus, from 1 to 3.")
@_option("--crop-bars", "off", "[auto|off]", "Detect black bars and crop them.")
@_option("--pad", "auto", "COLOR", "Padding for fit: #rrggbb, or auto to match the edges.")
@_option("--size", "1280x720", "[1280x720|1920x1080]", "Width and height in pixels.")
@_option(
    "--scaling", "auto", "[auto|smooth|pixelated]", "How to enlarge small videos; auto detects pixel art."
)
@_option("--loop", "cut", "[cut|crossfade|boomerang]", "How the end leads back to the start.")
@_option("--speed", "1", "FACTOR", "Playback speed, from 0.5 to 2.")
@click.option("--reverse", is_flag=True, help="Play the video in reverse.")
@_option(
    "--short",
    "play",
    "[play|boomerang|repeat]",
    "If the video is too short: make a shorter GIF, play it back and forth, or repeat it.",
)
@_option("--darken", "0", "PERCENT", "Darken the video, from 0 to 60 percent.")
@_option("--blur", "0", "PIXELS", "Blur the video, from 0 to 20 pixels.")
@_option("--brightness", "100", "PERCENT", "Brightness, from 50 to 150 percent.")
@_option("--saturation", "100", "PERCENT", "Saturation, from 0 to 200 percent.")
@click.option(
    "--poster",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also save the first frame as this .png or .jpg file.",
)
@click.option(
    "--threads", type=click.IntRange(1, 64), default=2, show_default=True, help="Number of decoder threads."
)
def convert_clip(
    source: Path,
    destination: Path,
    poster: Path | None,
    threads: int,
    start: str,
    reverse: bool,
    **typed: str,
) -> None:
    """Convert the video SOURCE to the GIF DESTINATION.

    This needs no running server.
    """
    options = ConversionOptions.parse(start_time=start, **typed, reverse="yes" if reverse else "")
    destination = _check_destination(destination, source)
    poster = poster and _check_destination(poster, source, destination)
    _handle_signals_as_interrupt()
    with (
        tempfile.TemporaryDirectory(prefix="chromi-") as work,
        click.progressbar(length=100, file=sys.stderr, item_show_func=lambda message: message) as bar,
    ):

        def show(progress: Progress) -> None:
            bar.update(int(progress.fraction * 100) - bar.pos, progress.message)

        result = convert(
            source,
            destination,
            options,
            work_dir=Path(work),
            on_progress=show,
            threads=threads,
            poster=poster,
        )
    click.echo(f"{destination}: {result.bytes} bytes, {result.frames} frames, {result.duration_cs / 100:g} s")
    if result.reduced_fps:
        click.echo(f"Reduced to {result.reduced_fps} frames per second to keep the colors.")
    if result.reduced_colors:
        click.echo(f"Reduced to {result.reduced_colors} colors to stay within the size limit.")


@click.command(name="find-loops", cls=_ClipCommand)
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_option("--duration", "6", "SECONDS", "Length of the loop, from 1 to 10 seconds.")
@click.option(
    "--limit", type=click.IntRange(1, 100), default=5, show_default=True, help="Maximum number of results."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of start_s, duration_s and score.")
def list_loops(source: Path, duration: str, limit: int, as_json: bool) -> None:
    """List the most seamless loops in the first ten minutes of the video SOURCE.

    Each has a score from 0 to 100. At 100, the cut is invisible.
    """
    wanted_s = ConversionOptions.parse(duration=duration).duration_s
    with _progress_bar() as show:
        found = find_loops(source, duration_s=wanted_s, limit=limit, on_tick=show)
    if found[0].duration_s < wanted_s:
        length = format_timecode(found[0].duration_s)
        click.echo(f"The clip is only {length} long, so the whole clip is the only loop.", err=True)
    if as_json:
        click.echo(json.dumps([window.to_dict() for window in found]))
        return
    for rank, window in enumerate(found, start=1):
        click.echo(f"{rank:>3}  {format_timecode(window.start_s)}  {window.score:>3}")


@click.command(name="preview", cls=_ClipCommand)
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("destination", type=click.Path(dir_okay=False, path_type=Path))
def write_preview(source: Path, destination: Path) -> None:
    """Convert the first ten minutes of the video SOURCE to a silent MP4 that every browser can play."""
    destination = _check_destination(destination, source)
    _handle_signals_as_interrupt()
    with _progress_bar() as show:
        make_preview(source, destination, on_tick=show)
    click.echo(f"{destination}: {destination.stat().st_size} bytes")


def _check_destination(destination: Path, *others: Path) -> Path:
    """Return the absolute path to write to. Raises BadOptions immediately if it is not writable."""
    real = destination.resolve()
    if not real.parent.is_dir() or not os.access(real.parent, os.W_OK):
        raise BadOptions(f"Cannot write to the folder {real.parent}.")
    if real.exists() and not real.is_file():
        raise BadOptions(f"{destination} already exists and is not a regular file.")
    if real in (other.resolve() for other in others):
        raise BadOptions(f"{destination} is used for another file of this command. Choose another name.")
    return real


def _handle_signals_as_interrupt() -> None:
    """Make SIGTERM and SIGHUP clean up like Ctrl-C."""
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.default_int_handler)


@contextmanager
def _progress_bar() -> Iterator[Callable[[float], None]]:
    """Draw a progress bar on a terminal, and yield a function that takes the progress from 0 to 1."""
    with click.progressbar(length=100, file=sys.stderr) as bar:
        yield lambda fraction: bar.update(int(fraction * 100) - bar.pos)
