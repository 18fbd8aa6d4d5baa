"""Capture states of unfinished and failed jobs, created as database rows on a service without a worker."""

from __future__ import annotations

import time
from typing import Any

from playwright.sync_api import Page, expect

from chromi.config import QUEUES
from chromi.db import Job, State, Upload, Worker
from chromi.encoder import ConversionOptions
from chromi.encoder.encoder_errors import CannotFit, WorkerDied
from docs.screenshots.capture import Capture
from tests.support.flaky_proxy import FlakyProxy

WORKER_ID = "a" * 32


def capture_jobs(page: Page, capture: Capture, url: str) -> None:
    Job.update(state=State.CANCELLED).where(Job.state == State.QUEUED).execute()
    open_new_job(
        page,
        url,
        state=State.IN_PROGRESS,
        worker=WORKER_ID,
        started_at=time.time() - 5,
        progress=0.71,
        step="choosing",
        message="Choosing colors",
    )
    # Polls are not answered, because the remaining time would change between two screenshots.
    page.route("**/status", lambda route: route.fulfill(status=204))
    page.goto(page.url)
    capture.save(page, "job-making", full_page=False)
    page.unroute("**/status")
    capture_lost_connection(page, capture, url)
    capture_queued_jobs(page, capture, url)
    error = CannotFit.under(2_000_000, 3_400_000)
    open_new_job(page, url, state=State.FAILED, error_code=error.code, error_message=error.user_message)
    capture.save(page, "job-failed")
    error_columns = {"error_code": WorkerDied.code, "error_message": WorkerDied.user_message}
    open_new_job(page, url, state=State.FAILED, **error_columns)
    capture.save(page, "job-failed-ours")
    open_new_job(page, url, state=State.CANCELLED)
    capture.save(page, "job-cancelled")


def open_new_job(page: Page, url: str, **columns: Any) -> None:
    """Create a job with these column values and open its page."""
    complete = Upload.select().where(Upload.info_json.is_null(False))
    upload = complete.order_by(Upload.created_at).first()
    job = Job.create(
        upload=upload,
        options_json=ConversionOptions().to_dict(),
        **{"created_at": time.time(), **columns},
    )
    page.goto(f"{url}/jobs/{job.id}/")


def capture_lost_connection(page: Page, capture: Capture, url: str) -> None:
    with FlakyProxy(url) as proxy:
        page.goto(page.url.replace(url, proxy.url))
        proxy.disconnect()
        expect(page.locator("#connection")).to_be_visible()
        capture.save(page, "job-offline", full_page=False)
        page.goto("about:blank")
        proxy.reconnect()


def capture_queued_jobs(page: Page, capture: Capture, url: str) -> None:
    Worker.record_heartbeat(WORKER_ID, QUEUES)
    for _ in range(3):
        open_new_job(page, url, state=State.QUEUED)
    capture.save(page, "job-queued")
    Worker.delete().execute()
    page.reload()
    expect(page.get_by_text("Processing is paused right now")).to_be_visible()
    capture.save(page, "job-no-worker")
