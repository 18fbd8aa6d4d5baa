"""The command line: `python -m chromi COMMAND`."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import click

from chromi import logs
from chromi.config import VERSION, Settings
from chromi.encoder import Progress, Recipe, convert, find_loops, format_timecode, make_preview
from chromi.errors import BadOptions, ChromiError
from chromi.hardening import protect_memory, require_sandbox


class _Commands(click.Group):
    """Database and queue are loaded for the service's commands only: a conversion starts twice as fast."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.commands:
            self._load_service()
        return super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        self._load_service()
        return super().list_commands(ctx)

    def _load_service(self) -> None:
        from chromi.service import COMMANDS

        for command in COMMANDS:
            self.add_command(command)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="chromi")
def main() -> None:
    """Chromi turns a clip into an animated Chrome background."""
    logs.set_up_for_a_person()
    Settings.from_environ()  # a setting that does not exist stops every command


class _ClipCommand(click.Command):
    """A command that has ffmpeg read a file."""

    def invoke(self, ctx: click.Context) -> Any:
        require_sandbox(Settings.from_environ())
        return super().invoke(ctx)


@main.command(name="convert", cls=_ClipCommand)
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("destination", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--start", "start_time", default="0", show_default=True, help="Seconds or HH:MM:SS[.mmm].")
@click.option("--duration", default="6", show_default=True, help="Seconds of the GIF, 1 to 10.")
@click.option("--quality", default="balanced", show_default=True, help="small, balanced or best.")
@click.option("--max-mb", default="", metavar="MB", help="Largest GIF, 0.1 to 500 MB of 1,000,000 bytes.")
@click.option("--framing", default="fill", show_default=True, help="fill (cropped), fit (whole) or blur.")
@click.option("--focus", default="0.5,0.5", show_default=True, metavar="X,Y", help="What fill keeps, 0 to 1.")
@click.option("--pad", default="auto", show_default=True, help="Colour around fit: #rrggbb or auto.")
@click.option("--size", default="1280x720", show_default=True, help="1280x720 or 1920x1080.")
@click.option("--scaling", default="auto", show_default=True, help="auto, smooth or pixelated (pixel art).")
@click.option("--loop", default="cut", show_default=True, help="cut, crossfade or boomerang.")
@click.option("--speed", default="1", show_default=True, help="0.5 to 2.")
@click.option("--reverse", is_flag=True, help="Play it backwards.")
@click.option("--short", default="play", show_default=True, help="Of a short clip: play, boomerang, repeat.")
@click.option(
    "--poster",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the first frame, .png or .jpg.",
)
@click.option("--threads", type=click.IntRange(1, 64), default=2, show_default=True, help="For decoding.")
def convert_clip(
    source: Path, destination: Path, poster: Path | None, threads: int, reverse: bool, **options: str
) -> None:
    """Convert SOURCE to the GIF DESTINATION here, without a server."""
    recipe = Recipe.parse(**options, reverse="yes" if reverse else "")
    destination = _checked_destination(destination, source)
    poster = poster and _checked_destination(poster, source, destination)
    _end_as_by_ctrl_c()
    with (
        tempfile.TemporaryDirectory(prefix="chromi-") as work,
        click.progressbar(length=100, file=sys.stderr, item_show_func=lambda message: message) as bar,
    ):

        def show(progress: Progress) -> None:
            bar.update(int(progress.fraction * 100) - bar.pos, progress.message)

        result = convert(
            source,
            destination,
            recipe,
            work_dir=Path(work),
            on_progress=show,
            threads=threads,
            poster=poster,
        )
    click.echo(f"{destination}: {result.bytes} bytes, {result.frames} frames, {result.duration_cs / 100:g} s")


def _checked_destination(destination: Path, *others: Path) -> Path:
    """Give the file to write, seen from the root; raises BadOptions before any work when it cannot be."""
    real = destination.resolve()
    if not real.parent.is_dir() or not os.access(real.parent, os.W_OK):
        raise BadOptions(f"Cannot write to the folder {real.parent}.")
    if real.exists() and not real.is_file():
        raise BadOptions(f"{destination} is there already and is no ordinary file.")
    if real in (other.resolve() for other in others):
        raise BadOptions(f"{destination} would overwrite the clip or the GIF. Give it another name.")
    return real


def _end_as_by_ctrl_c() -> None:
    """Have the other signals that ask for an end leave nothing behind either."""
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.default_int_handler)


@main.command(cls=_ClipCommand)
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--duration", default="6", show_default=True, help="Seconds of the loop, 1 to 10.")
@click.option("--limit", type=click.IntRange(1, 100), default=5, show_default=True, help="How many to list.")
@click.option("--json", "as_json", is_flag=True, help="Print a list of start_s, duration_s and score.")
def loops(source: Path, duration: str, limit: int, as_json: bool) -> None:
    """List where in SOURCE the best loops start, with a score: at 100 the cut cannot be seen."""
    wanted_s = Recipe.parse(duration=duration).duration_s
    with _progress() as show:
        found = find_loops(source, duration_s=wanted_s, limit=limit, on_tick=show)
    if found[0].duration_s < wanted_s:
        length = format_timecode(found[0].duration_s)
        click.echo(f"The clip is only {length} long: all of it is one loop.", err=True)
    if as_json:
        click.echo(json.dumps([window.to_dict() for window in found]))
        return
    for rank, window in enumerate(found, start=1):
        click.echo(f"{rank:>3}  {format_timecode(window.start_s)}  {window.score:>3}")


@main.command(cls=_ClipCommand)
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("destination", type=click.Path(dir_okay=False, path_type=Path))
def preview(source: Path, destination: Path) -> None:
    """Write a small MP4 of SOURCE that every browser plays."""
    destination = _checked_destination(destination, source)
    _end_as_by_ctrl_c()
    with _progress() as show:
        make_preview(source, destination, on_tick=show)
    click.echo(f"{destination}: {destination.stat().st_size} bytes")


@contextmanager
def _progress() -> Iterator[Callable[[float], None]]:
    """Draw a bar on a terminal; give what moves it to a share, 0 to 1."""
    with click.progressbar(length=100, file=sys.stderr) as bar:
        yield lambda share: bar.update(int(share * 100) - bar.pos)


def run() -> NoReturn:
    """Run a command; trouble is one sentence and exit code 1, never a stack trace."""
    protect_memory()
    try:
        main(prog_name="python -m chromi")
    except (ChromiError, OSError) as error:
        click.echo(error, err=True)
    sys.exit(1)


if __name__ == "__main__":
    run()
