"""Deliver webhooks by the Standard Webhooks specification (https://www.standardwebhooks.com/).

A thread of each worker looks for jobs that have ended and for attempts that are due. Everything is in rows,
so deliveries survive restarts, and targets that are slow or fail delay no job. A request may arrive twice;
its `webhook-id` stays the same.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.client import HTTPException
from itertools import islice
from urllib.parse import urlsplit

from standardwebhooks import Webhook as WebhookSigner

from chromi.config import VERSION
from chromi.db import DATABASE_ERRORS, MAX_WEBHOOK_ATTEMPTS, Batch, Job, Webhook, database_connection
from chromi.jobs import webhook_request

logger = logging.getLogger(__name__)

POLL_INTERVAL_S = 2.0
MAX_PARALLEL = 8
"""Requests that are sent at the same time, each to another URL, so that slow targets delay others little."""
ORPHAN_AGE_S = 600
"""A webhook without a job was left by a request that was interrupted before it created the job."""


def start_webhooks(secret: str) -> None:
    """Start a daemon thread that delivers webhooks. It does nothing if there is no secret to sign them."""

    def run() -> None:
        while True:
            try:
                deliver_due_webhooks(secret)
            except Exception:  # one webhook must not end the deliveries of all others
                logger.exception("could not deliver webhooks")
            time.sleep(POLL_INTERVAL_S)

    if secret:
        threading.Thread(target=run, name="webhooks", daemon=True).start()


def deliver_due_webhooks(secret: str) -> None:
    """Schedule the webhooks of ended jobs, and attempt all that are due."""
    try:
        with database_connection():
            schedule_webhooks()
            with ThreadPoolExecutor(MAX_PARALLEL) as threads:
                while claimed := list(islice(Webhook.claim_due(), MAX_PARALLEL)):
                    outcomes = threads.map(lambda webhook: _send(webhook, secret), claimed)
                    for webhook, (status, reason) in zip(claimed, outcomes, strict=True):
                        _record(webhook, status, reason)
    except DATABASE_ERRORS as error:
        logger.warning("could not deliver webhooks, will try again: %s", error)


def schedule_webhooks() -> int:
    """Store what to send for each job or batch that has ended, while it exists; return their number."""
    scheduled = 0
    for webhook in Webhook.list_waiting():
        resource = _find_resource(webhook.resource_id)
        if resource and resource.is_final:
            webhook.schedule(_describe(resource, webhook.status_url))
            scheduled += 1
        elif resource is None and abs(time.time() - webhook.created_at) > ORPHAN_AGE_S:
            webhook.delete_instance()
    return scheduled


def _find_resource(resource_id: str) -> Job | Batch | None:
    found: Job | Batch | None = Job.get_or_none(Job.id == resource_id)
    return found or Batch.get_or_none(Batch.id == resource_id)


def _describe(resource: Job | Batch, status_url: str) -> str:
    """Return the body. The status URL has the details, so the body stays small."""
    if isinstance(resource, Job):
        name = "job"
        own = {"job_id": resource.id, "kind": resource.kind, "error_code": resource.error_code}
    else:
        name, own = "batch", {"batch_id": resource.id}
    content = {
        "type": f"{name}.{resource.state}",
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "data": {**own, "status": resource.state, "status_url": status_url},
    }
    return json.dumps(content)


def _send(webhook: Webhook, secret: str) -> tuple[int, str]:
    """Send a webhook's request. Return the status, 0 without a response, and how it ended, for the log."""
    body = webhook.body or ""
    try:
        status = webhook_request.send(webhook.url, body.encode(), signed_headers(webhook.id, body, secret))
    except webhook_request.NotPublic as error:
        return 410, str(error)
    except (OSError, HTTPException, UnicodeError) as error:  # getaddrinfo raises the last for some names
        return 0, str(error) or type(error).__name__
    return status, f"status {status}"


def _record(webhook: Webhook, status: int, reason: str) -> None:
    """Log an attempt, and delete the webhook or schedule its next attempt."""
    host = urlsplit(webhook.url).hostname  # the rest of the URL may be a secret
    logger.info("webhook %s to %s, attempt %d: %s", webhook.id, host, webhook.attempts, reason)
    if status == 410:
        Webhook.disable(webhook.url)
    elif 200 <= status < 300 or webhook.attempts >= MAX_WEBHOOK_ATTEMPTS:
        webhook.delete_instance()
    else:
        webhook.postpone()


def signed_headers(webhook_id: str, body: str, secret: str) -> dict[str, str]:
    """Return the headers of a webhook's request, which include its signature."""
    message_id, now = f"msg_{webhook_id}", datetime.now(UTC)
    return {
        "Content-Type": "application/json",
        "User-Agent": f"Chromi/{VERSION}",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": WebhookSigner(secret).sign(message_id, now, body),
    }
