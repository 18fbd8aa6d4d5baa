"""The models and the only transitions between their states.

    queued -> in_progress -> success | failed | cancelled        queued -> cancelled

Final states are never left. Every transition is a single conditional UPDATE whose row count shows whether
it succeeded: if two workers, a cancellation and a success, or two downloads compete, exactly one does.
"""

from chromi.db.base import in_network
from chromi.db.batch import Batch
from chromi.db.cleanup_lease import CleanupLease
from chromi.db.clock import MAX_CLOCK_DIFFERENCE_S, check_clock
from chromi.db.connection import (
    DATABASE_ERRORS,
    TEMPORARY_ERRORS,
    database,
    database_connection,
    exclusive_transaction,
    retry_on_lock,
    shrink_wal,
)
from chromi.db.counter import Counter
from chromi.db.download import Download
from chromi.db.files_owner import FilesOwner
from chromi.db.idempotency_key import IdempotencyKey
from chromi.db.job import FINAL_STATES, MAX_ATTEMPTS, Job, JobKind, State
from chromi.db.lease import LEASE_S, Lease
from chromi.db.link import MAX_LINK_AGE_S, Link
from chromi.db.rate_limit import HOUR_S, RateLimit, RateLimitUsage
from chromi.db.schema import check_integrity, open_database
from chromi.db.upload import Upload
from chromi.db.webhook import MAX_WEBHOOK_ATTEMPTS, RETRY_PAUSES_S, Webhook
from chromi.db.worker import HEARTBEAT_INTERVAL_S, WORKER_TIMEOUT_S, Worker

__all__ = [
    "DATABASE_ERRORS",
    "FINAL_STATES",
    "HEARTBEAT_INTERVAL_S",
    "HOUR_S",
    "LEASE_S",
    "MAX_ATTEMPTS",
    "MAX_CLOCK_DIFFERENCE_S",
    "MAX_LINK_AGE_S",
    "MAX_WEBHOOK_ATTEMPTS",
    "RETRY_PAUSES_S",
    "TEMPORARY_ERRORS",
    "WORKER_TIMEOUT_S",
    "Batch",
    "CleanupLease",
    "Counter",
    "FilesOwner",
    "IdempotencyKey",
    "Job",
    "Download",
    "JobKind",
    "Lease",
    "Link",
    "RateLimit",
    "RateLimitUsage",
    "State",
    "Upload",
    "Webhook",
    "Worker",
    "check_clock",
    "check_integrity",
    "database",
    "database_connection",
    "exclusive_transaction",
    "in_network",
    "open_database",
    "retry_on_lock",
    "shrink_wal",
]
