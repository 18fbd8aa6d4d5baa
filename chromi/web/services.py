"""What the views work with, kept by the application."""

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
    """One thread for what must not hold up the server's event loop."""
    started_at: float = field(default_factory=time.monotonic)

    def are_without_worker(self) -> bool:
        """True when no worker has given a sign of life for a while, in which this server was there."""
        if self.settings.inline or time.monotonic() - self.started_at < WORKER_TIMEOUT_S:
            return False
        try:
            return not Worker.is_any_alive()
        except DatabaseError:
            return False  # the first page opens all the same; whoever goes on is told what is wrong


def services() -> Services:
    """Give the current application's services."""
    found: Services = current_app.extensions["chromi"]
    return found
