"""What the views work with, kept by the application."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from flask import current_app

from chromi.config import Settings
from chromi.storage import Storage
from chromi.tasks import Queue
from chromi.tokens import TokenSigner
from chromi.web.admission import Admission


@dataclass(frozen=True)
class Services:
    settings: Settings
    storage: Storage
    queue: Queue
    signer: TokenSigner
    admission: Admission
    background: ThreadPoolExecutor
    """One thread for what must not hold up the server's event loop."""


def services() -> Services:
    """Give the current application's services."""
    found: Services = current_app.extensions["chromi"]
    return found
