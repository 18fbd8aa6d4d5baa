"""The objects that views use, stored on the application."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from flask import current_app
from peewee import DatabaseError

from chromi.admission.admission_control import AdmissionControl
from chromi.config import Settings
from chromi.db import WORKER_TIMEOUT_S, Worker
from chromi.jobs.queue import Queue
from chromi.storage import Storage
from chromi.tokens import TokenSigner


@dataclass(frozen=True)
class Services:
    settings: Settings
    storage: Storage
    queue: Queue
    signer: TokenSigner
    admission: AdmissionControl
    background: ThreadPoolExecutor
    """A single thread for work that must not block the server's event loop."""
    started_at: float = field(default_factory=time.monotonic)

    def has_no_worker(self) -> bool:
        """True if no worker for conversions was alive for WORKER_TIMEOUT_S while this server was running."""
        if self.settings.inline or time.monotonic() - self.started_at < WORKER_TIMEOUT_S:
            return False
        try:
            return not Worker.is_any_alive("convert")
        except DatabaseError:
            return False  # show the start page anyway; the next request reports the error


def services() -> Services:
    """Return the services of the current application."""
    found: Services = current_app.extensions["chromi"]
    return found
