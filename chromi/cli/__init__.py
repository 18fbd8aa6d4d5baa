"""The command line: `python -m chromi COMMAND`."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import NoReturn

import click

from chromi import log
from chromi.config import VERSION, Settings
from chromi.errors import ChromiError
from chromi.process_hardening import protect_memory

_COMMANDS = {
    "convert": ("chromi.cli.convert", "convert_clip"),
    "find-loops": ("chromi.cli.convert", "list_loops"),
    "preview": ("chromi.cli.convert", "write_preview"),
    "serve": ("chromi.cli.serve", "serve"),
    "web": ("chromi.cli.serve", "web"),
    "worker": ("chromi.cli.serve", "worker"),
    "doctor": ("chromi.cli.maintenance", "doctor"),
    "jobs": ("chromi.cli.maintenance", "list_jobs"),
    "cleanup": ("chromi.cli.maintenance", "clean_up"),
    "backup": ("chromi.cli.maintenance", "back_up"),
}
"""The module and function of each command."""


class _LazyGroup(click.Group):
    """A group that imports a command's module only when the command is used.

    A conversion needs neither the database nor the queue and starts twice as fast without them.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, function = _COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(module), function)
        return command


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="chromi")
def main() -> None:
    """Turn a video into an animated Chrome background."""
    log.configure_for_terminal()
    Settings.from_environ()  # no command runs with an invalid setting


def run() -> NoReturn:
    """Run a command. On an error, print one sentence and exit with status 1."""
    protect_memory()
    try:
        main(prog_name="python -m chromi")
    except (ChromiError, OSError) as error:
        click.echo(error, err=True)
    sys.exit(1)
