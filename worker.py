"""The job queue, for `huey_consumer worker.huey`."""

import logging
import os

from chromi.config import LOG_FORMAT, Settings
from chromi.encoder.launch import die_with_parent
from chromi.tasks import open_service

# The consumer sets up its own logger only.
handler = logging.StreamHandler()
handler.setFormatter(logging.Formatter(LOG_FORMAT))
logging.getLogger("chromi").addHandler(handler)
logging.getLogger("chromi").setLevel(logging.INFO)

storage, queue = open_service(Settings.from_environ())
huey = queue.huey

# Huey's worker processes would go on taking jobs if the consumer was killed, with nobody to stop them.
consumer_pid = os.getpid()
os.register_at_fork(after_in_child=lambda: die_with_parent(consumer_pid))
