"""Run one claimed job to completion."""

from __future__ import annotations

import logging
import os
import secrets
import socket
from collections.abc import Mapping
from functools import cache
from typing import Any

from chromi import memory_profile
from chromi.config import Settings
from chromi.db import MAX_ATTEMPTS, TEMPORARY_ERRORS, Job, JobKind, Lease, database, retry_on_lock
from chromi.encoder.encoder_errors import Cancelled, ConverterKilled, to_encode_error
from chromi.errors import ChromiError, ServiceBusy
from chromi.jobs.handlers import JOB_TYPES
from chromi.jobs.removal import best_effort, remove_job_leftovers
from chromi.storage import Storage

logger = logging.getLogger(__name__)


def run_job(job: Job, settings: Settings, storage: Storage) -> bool:
    """Run a job that this worker has claimed until it reaches a state that its page can show.

    Returns True if the job was put back into the queue and must be enqueued.
    """
    try:
        storage.remove_attempts(job.id)
        job_type = JOB_TYPES[JobKind(job.kind)]
        with Lease(job, watchdog=not settings.inline) as lease:
            result = job_type.run(job, lease, storage)
        # The watchdog is off here, because a finished result waits for the database as long as necessary.
        retry_on_lock(lambda: _record_success(job, result, settings))
    except Cancelled:
        logger.info("job %s was canceled", job.id)
    except (ConverterKilled, ServiceBusy) as error:
        logger.warning("job %s: attempt %d failed: %s", job.id, job.attempts, error)
        if job.attempts < MAX_ATTEMPTS:
            return retry_on_lock(job.release)
        _fail(job, error)
    except ChromiError as error:
        logger.warning("job %s failed: %s", job.id, error)
        _fail(job, error)
    except OSError as error:
        logger.warning("job %s failed: %s", job.id, error)
        _fail(job, to_encode_error(error))
    except KeyboardInterrupt:
        job.release(count_attempt=False)
        raise
    except TEMPORARY_ERRORS as error:
        logger.error("job %s: could not update its row, left to the cleanup: %s", job.id, error)
    except Exception:
        logger.exception("job %s failed unexpectedly", job.id)
        _fail(job, ChromiError())
    finally:
        best_effort(lambda: remove_job_leftovers(job, storage))
        memory_profile.log_growth("after the job")
    return False


def _record_success(job: Job, result: Mapping[str, Any], settings: Settings) -> None:
    with database.atomic():
        if job.succeed(result):
            JOB_TYPES[JobKind(job.kind)].on_success(job, settings)


def _fail(job: Job, error: ChromiError) -> None:
    retry_on_lock(lambda: job.fail(error))


def worker_id() -> str:
    """Return a name for this process that is never reused, unlike its process id."""
    return _worker_id(os.getpid())


@cache
def _worker_id(pid: int) -> str:
    return f"{socket.gethostname()}:{secrets.token_hex(4)}:{pid}"
