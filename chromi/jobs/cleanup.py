"""Clean up periodically: delete what has expired and recover lost jobs."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial

from chromi.config import Settings
from chromi.db import (
    FINAL_STATES,
    Batch,
    CleanupLease,
    Download,
    IdempotencyKey,
    Job,
    JobKind,
    Link,
    RateLimitUsage,
    State,
    Upload,
    Webhook,
    Worker,
    shrink_wal,
)
from chromi.jobs.file_cleanup import remove_bucket_orphans, remove_copies, remove_orphans
from chromi.jobs.recovery import RecoveryReport, recover_jobs
from chromi.jobs.removal import (
    best_effort,
    prune_frame_cache,
    remove_result_if_unneeded,
    remove_upload,
)
from chromi.jobs.webhook_delivery import schedule_webhooks
from chromi.storage import Storage

logger = logging.getLogger(__name__)

CLEANUP_INTERVAL_S = 60
BUCKET_CLEANUP_INTERVAL_S = 3600
"""How often the keys of the bucket are compared with the rows."""
WORKER_MAX_AGE_S = 3600
"""A worker's row is deleted this long after its last heartbeat."""


@dataclass(frozen=True)
class CleanupReport(RecoveryReport):
    """What one cleanup did."""

    uploads_removed: int = 0
    results_removed: int = 0
    orphans_removed: int = 0
    bucket_orphans_removed: int = 0
    frames_removed: int = 0
    copies_removed: int = 0


def run_cleanup(
    settings: Settings,
    storage: Storage,
    queue_sizes: Callable[[], Mapping[str, int]],
    enqueue: Callable[[Job], object],
) -> CleanupReport:
    """Clean up this node's files, delete everything that has expired, and recover lost jobs.

    The rows are left to the process that holds the lease. Steps that write no rows come first: on a full
    disk, they free the space that the others need.
    """
    report = clean_up_files(storage)
    holder = secrets.token_hex(8)
    if best_effort(lambda: CleanupLease.acquire(holder)):
        try:
            report = replace(report, **_clean_up_rows(settings, storage, queue_sizes, enqueue, holder))
        finally:
            best_effort(partial(CleanupLease.release, holder))
    for name in ("chromi.db", "queue.db"):
        best_effort(partial(shrink_wal, settings.instance / name))
    if report != CleanupReport():
        logger.info("%s", report)
    return report


def _clean_up_rows(
    settings: Settings,
    storage: Storage,
    queue_sizes: Callable[[], Mapping[str, int]],
    enqueue: Callable[[Job], object],
    holder: str,
) -> dict[str, int]:
    """Delete what has expired and recover lost jobs. Return the counts for the report."""
    best_effort(schedule_webhooks)  # a webhook needs its job, which may have expired
    counts = {
        "uploads_removed": best_effort(lambda: _remove_unused_uploads(settings, storage, holder)),
        "results_removed": best_effort(lambda: _remove_expired_results(settings, storage, holder)),
        **asdict(recover_jobs(storage, queue_sizes, enqueue)),
    }
    if time.time() % BUCKET_CLEANUP_INTERVAL_S < CLEANUP_INTERVAL_S:
        counts["bucket_orphans_removed"] = best_effort(lambda: _remove_bucket_orphans(storage, holder))
    if unsent := best_effort(Webhook.delete_unsent):
        logger.warning("deleted %d webhooks that no worker has sent: check CHROMI_WEBHOOK_SECRET", unsent)
    best_effort(RateLimitUsage.delete_expired)
    best_effort(Download.release_lost)
    best_effort(IdempotencyKey.delete_expired)
    best_effort(Upload.clamp_future_times)
    best_effort(partial(Worker.delete_old, WORKER_MAX_AGE_S))
    return counts


def clean_up_files(storage: Storage) -> CleanupReport:
    """Remove the files that this machine does not need."""
    return CleanupReport(
        frames_removed=best_effort(lambda: prune_frame_cache(storage)),
        orphans_removed=best_effort(lambda: remove_orphans(storage)),
        copies_removed=best_effort(lambda: remove_copies(storage)),
    )


def _remove_unused_uploads(settings: Settings, storage: Storage, holder: str) -> int:
    """Remove uploads, complete or not, that have been unused for `upload_ttl_s` and that no job needs."""
    needed = Job.select(Job.upload).where(Job.state.not_in(FINAL_STATES), Job.upload.is_null(False))
    unused = (Upload.used_at < time.time() - settings.upload_ttl_s) & Upload.id.not_in(needed)
    # The DELETE rechecks the condition, because the upload may be used in the meantime. All rows are read
    # first: SQLite does not let a connection write while it reads from before another one's last commit.
    uploads = CleanupLease.renew_during(holder, list(Upload.select().where(unused)))
    return sum(remove_upload(upload, storage, settings, unused) for upload in uploads)


def _remove_expired_results(settings: Settings, storage: Storage, holder: str) -> int:
    """Remove results without a live link, and remove other finished jobs after `upload_ttl_s`."""
    needed = Link.select(Link.job).where(Link.live())
    finished = Job.select(Job.id).where(Job.state == State.SUCCESS, Job.kind == JobKind.CONVERT)
    expired = CleanupLease.renew_during(holder, list(finished.where(Job.id.not_in(needed))))
    removed = sum(remove_result_if_unneeded(job.id, storage) for job in expired)
    is_unsuccessful = Job.state.in_((State.FAILED, State.CANCELLED))
    # A batch keeps its unsuccessful jobs as long as any other, because its state is that of all of them.
    is_kept = ~is_unsuccessful | (Job.finished_at >= time.time() - settings.link_ttl_s)
    kept_batches = Job.select(Job.batch_id).where(Job.batch_id.is_null(False), is_kept)
    Job.delete().where(
        is_unsuccessful | (Job.kind != JobKind.CONVERT),
        Job.finished_at < time.time() - settings.upload_ttl_s,
        Job.batch_id.is_null() | Job.batch_id.not_in(kept_batches),
    ).execute()
    Batch.delete_empty()
    return removed


def _remove_bucket_orphans(storage: Storage, holder: str) -> int:
    """Remove files without a row from the bucket. Raises ServiceBusy."""
    if storage.bucket is None:
        return 0
    batches = CleanupLease.renew_during(holder, storage.bucket.list_keys())
    return sum(remove_bucket_orphans(storage.bucket, batch) for batch in batches)
