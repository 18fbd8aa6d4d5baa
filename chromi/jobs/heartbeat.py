"""Send heartbeats and recover lost jobs in a thread of each worker."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from chromi.db import DATABASE_ERRORS, HEARTBEAT_INTERVAL_S, Job, Worker, database_connection
from chromi.jobs.cleanup import CLEANUP_INTERVAL_S, clean_up_files
from chromi.jobs.recovery import recover_jobs
from chromi.storage import Storage

logger = logging.getLogger(__name__)


def start_heartbeat(
    worker_id: str,
    queues: Sequence[str],
    storage: Storage,
    queue_sizes: Callable[[], Mapping[str, int]],
    enqueue: Callable[[Job], object],
) -> None:
    """Start a daemon thread that sends a heartbeat and recovers lost jobs every HEARTBEAT_INTERVAL_S."""

    def run() -> None:
        while True:
            send_heartbeat(worker_id, queues, storage)
            time.sleep(HEARTBEAT_INTERVAL_S)
            _recover(storage, queue_sizes, enqueue)

    threading.Thread(target=run, name="heartbeat", daemon=True).start()


def send_heartbeat(worker_id: str, queues: Sequence[str], storage: Storage) -> None:
    """Record that this worker is alive, freeing disk space first if the disk is full."""
    with _tolerate_faults("write the heartbeat"), database_connection():
        if storage.is_full():
            clean_up_files(storage)
        Worker.record_heartbeat(worker_id, queues)


def _recover(
    storage: Storage, queue_sizes: Callable[[], Mapping[str, int]], enqueue: Callable[[Job], object]
) -> None:
    with _tolerate_faults("recover lost jobs"), database_connection():
        recover_jobs(storage, queue_sizes, enqueue)


def start_file_cleanup(storage: Storage) -> None:
    """Start a daemon thread that removes this node's unneeded files every minute.

    With a bucket, every node has its own files, whatever its workers do.
    """

    def run() -> None:
        while True:
            time.sleep(CLEANUP_INTERVAL_S)
            with _tolerate_faults("clean up files"), database_connection():
                clean_up_files(storage)

    if storage.bucket is not None:
        threading.Thread(target=run, name="file-cleanup", daemon=True).start()


@contextmanager
def _tolerate_faults(purpose: str) -> Iterator[None]:
    """Log what the database or the disk prevented. The next round of the thread tries it again."""
    try:
        yield
    except (*DATABASE_ERRORS, OSError) as error:
        logger.warning("could not %s: %s", purpose, error)
