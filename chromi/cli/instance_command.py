"""The base class of commands that operate on an instance folder."""

from __future__ import annotations

import sqlite3
from typing import Any

import click

from chromi.config import Settings
from chromi.db import DATABASE_ERRORS, database
from chromi.errors import ServiceUnhealthy
from chromi.jobs.queue_storage import QueueUnavailable
from chromi.storage import make_files_private


class InstanceCommand(click.Command):
    """A command that creates private files and reports an unusable instance in one sentence."""

    def invoke(self, ctx: click.Context) -> Any:
        make_files_private()
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # as in `jobs | head`; click ends the command
        except (OSError, sqlite3.Error) as error:
            instance = Settings.from_environ().instance
            raise ServiceUnhealthy(f"Cannot use {instance}: {error}.") from error
        except DATABASE_ERRORS as error:
            raise ServiceUnhealthy(f"{database.description} cannot be used: {error}.") from error
        except QueueUnavailable as error:
            raise ServiceUnhealthy(str(error)) from error
