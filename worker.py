"""The job queue, for `huey_consumer worker.huey`."""

import logging
import os
import sys

from chromi import log
from chromi.config import Settings
from chromi.db import DATABASE_ERRORS
from chromi.encoder.process.launcher import set_parent_death_signal
from chromi.errors import ChromiError
from chromi.jobs.queue import open_service
from chromi.process_hardening import protect_memory, require_sandbox
from chromi.storage import make_files_private

make_files_private()
log.configure()
protect_memory()
try:
    settings = Settings.from_environ()
    require_sandbox(settings)
    storage, queue = open_service(settings)
except (ChromiError, OSError, *DATABASE_ERRORS) as error:
    logging.getLogger("chromi").critical("%s", error)
    sys.exit(1)
huey = queue.huey

# If the consumer were killed, Huey's worker processes would keep taking jobs, and nothing would stop them.
consumer_pid = os.getpid()
os.register_at_fork(after_in_child=lambda: set_parent_death_signal(consumer_pid))


def create_consumer(**options: object) -> object:
    log.use_root_handlers("huey")  # huey_consumer has just installed its own handler
    options["periodic"] = settings.runs_scheduler
    consumer = type(huey).create_consumer(huey, **options)

    def is_relevant(record: logging.LogRecord) -> bool:
        """Return False for the warning that a worker died if all that have ended did so as planned."""
        is_restart = record.msg == "Worker %d died, restarting."
        return not is_restart or any(process.exitcode for _, process in consumer.worker_threads)

    logging.getLogger("huey.consumer").addFilter(is_relevant)
    return consumer


huey.create_consumer = create_consumer
