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
from typing import Any

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


def _flag_of(name: re.Match[str]) -> str:
    """Return the flag of the option that was matched."""
    return "--start" if name[0] == "start_time" else "--" + name[0].replace("_", "-")


@click.command(name="convert", cls=_ClipCommand)
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("destination", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--start", "start_time", default="0", show_default=True, help="Seconds or HH:MM:SS[.mmm].")
@click.option("--duration", default="6", show_default=True, help="Length of the GIF, 1 to 10 seconds.")
@click.option(
    "--quality",
    default="balanced",
    show_default=True,
    help="small (10 MB), balanced (20 or 30 MB) or best (no limit).",
)
@click.option("--max-mb", default="", metavar="MB", help="Maximum size, 0.1 to 500 MB (1,000,000 bytes).")
@click.option(
    "--motion",
    default="auto",
    show_default=True,
    help="What to keep if the GIF would be too large: smooth (frames per second), color or auto (both).",
)
@click.option("--framing", default="fill", show_default=True, help="fill (crop), fit (pad) or blur.")
@click.option(
    "--focus", default="0.5,0.5", show_default=True, metavar="X,Y", help="Center of the crop, 0 to 1."
)
@click.option("--pad", default="auto", show_default=True, help="Padding for fit: #rrggbb or auto.")
@click.option("--size", default="1280x720", show_default=True, help="1280x720 or 1920x1080.")
@click.option("--scaling", default="auto", show_default=True, help="auto, smooth or pixelated (pixel art).")
@click.option("--loop", default="cut", show_default=True, help="cut, crossfade or boomerang.")
@click.option("--speed", default="1", show_default=True, help="Playback speed, 0.5 to 2.")
@click.option("--reverse", is_flag=True, help="Play the clip in reverse.")
@click.option(
    "--short", default="play", show_default=True, help="If the clip is too short: play, boomerang or repeat."
)
@click.option("--zoom", default="1", show_default=True, help="Enlarge around the focus, 1 to 3.")
@click.option("--crop-bars", default="off", show_default=True, help="auto (detect black bars) or off.")
@click.option("--blur", default="0", show_default=True, help="As the CSS filter, 0 to 20 px.")
@click.option("--brightness", default="100", show_default=True, help="As the CSS filter, 50 to 150 percent.")
@click.option("--saturation", default="100", show_default=True, help="As the CSS filter, 0 to 200 percent.")
@click.option("--darken", default="0", show_default=True, help="Opacity of a black layer, 0 to 60 percent.")
@click.option(
    "--poster",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the first frame to this .png or .jpg file.",
)
@click.option("--threads", type=click.IntRange(1, 64), default=2, show_default=True, help="Decoder threads.")
def convert_clip(
    source: Path, destination: Path, poster: Path | None, threads: int, reverse: bool, **typed: str
) -> None:
    """Convert SOURCE to the GIF DESTINATION, without a server."""
    options = ConversionOptions.parse(**typed, reverse="yes" if reverse else "")
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
        click.echo(f"It shows {result.reduced_fps} frames a second, to keep its color.")
    if result.reduced_colors:
        click.echo(f"It has {result.reduced_colors} colors, to stay within the size.")


@click.command(name="find-loops", cls=_ClipCommand)
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--duration", default="6", show_default=True, help="Length of the loop, 1 to 10 seconds.")
@click.option("--limit", type=click.IntRange(1, 100), default=5, show_default=True, help="Number of results.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of start_s, duration_s and score.")
def list_loops(source: Path, duration: str, limit: int, as_json: bool) -> None:
    """List the best loops in SOURCE with a score from 0 to 100; at 100 the cut is invisible."""
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
    """Write a small MP4 of SOURCE that every browser can play."""
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
