"""The job queue, for `huey_consumer worker.huey`."""

import logging
import os

from chromi.config import Settings
from chromi.encoder.launch import die_with_parent
from chromi.models import open_database
from chromi.storage import Storage
from chromi.tasks import create_queue

# The consumer sets up its own logger only.
handler = logging.StreamHandler()
handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
logging.getLogger("chromi").addHandler(handler)
logging.getLogger("chromi").setLevel(logging.INFO)

settings = Settings.from_environ()
storage = Storage(settings.instance)
storage.create_folders()
open_database(settings.instance)
huey = create_queue(settings, storage).huey

# Huey's worker processes would go on taking jobs if the consumer was killed, with nobody to stop them.
consumer_pid = os.getpid()
os.register_at_fork(after_in_child=lambda: die_with_parent(consumer_pid))
