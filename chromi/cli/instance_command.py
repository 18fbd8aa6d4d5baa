"""The base class of commands that operate on an instance folder."""

from __future__ import annotations

from typing import Any

import click
from peewee import DatabaseError

from chromi.config import Settings
from chromi.errors import ServiceUnhealthy
from chromi.storage import make_files_private


class InstanceCommand(click.Command):
    """A command that creates private files and reports an unusable instance in one sentence."""

    def invoke(self, ctx: click.Context) -> Any:
        make_files_private()
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # as in `jobs | head`; click ends the command
        except (OSError, DatabaseError) as error:
            instance = Settings.from_environ().instance
            raise ServiceUnhealthy(f"Cannot use {instance}: {error}.") from error
