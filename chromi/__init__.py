"""Chromi turns a clip into an animated Chrome background."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from chromi.config import Settings


def create_app(settings: Settings | None = None) -> Flask:
    """Create the web application. By default, the settings are read from the environment.

    Raises ConfigError if a setting is unknown or out of range.
    """
    # Imported here because the encoder, the worker and the command line use this package without Flask.
    from flask import Flask

    from chromi import config, web

    app = Flask(__name__, static_folder=None)  # web/http/static_files.py sends the static files
    web.init_app(app, settings or config.Settings.from_environ())
    return app
