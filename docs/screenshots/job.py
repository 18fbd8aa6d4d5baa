"""The states of a job that is not done: by rows, on a service without a worker."""

from __future__ import annotations

import time
from typing import Any

from playwright.sync_api import Page, expect

from chromi.db import Job, State, Upload, Worker
from chromi.encoder import ConversionOptions
from chromi.encoder.encoder_errors import CannotFit, WorkerDied
from docs.screenshots.camera import Camera
from tests.support.flaky_proxy import Relay


def take_jobs(page: Page, camera: Camera, url: str) -> None:
    upload = Upload.select().order_by(Upload.created_at).first()

    def show(**state: Any) -> None:
        # Before those that wait: they would say how many are before them.
        state = {"created_at": time.time(), **state}
        job = Job.create(upload=upload, options_json=ConversionOptions().to_dict(), **state)
        page.goto(f"{url}/jobs/{job.id}/")

    Job.update(state=State.CANCELLED).where(Job.state == State.QUEUED).execute()
    show(
        state=State.IN_PROGRESS,
        worker="a" * 32,
        started_at=time.time() - 5,
        progress=0.71,
        step="choosing",
        message="Choosing colors",
    )
    # The time left would change from picture to picture.
    page.route("**/status", lambda route: route.fulfill(status=204))
    page.goto(page.url)
    camera.take(page, "job-making", whole=False)
    page.unroute("**/status")
    _take_lost(page, camera, url)
    Worker.record_heartbeat("a" * 32)
    for _ in range(2):
        show(state=State.QUEUED)
    show(state=State.QUEUED)
    camera.take(page, "job-queued")
    Worker.delete().execute()
    page.reload()
    expect(page.get_by_text("Nothing is working on the queue")).to_be_visible()
    camera.take(page, "job-no-worker")
    error = CannotFit.under(2_000_000, 3_400_000)
    show(state=State.FAILED, error_code=error.code, error_message=error.user_message)
    camera.take(page, "job-failed")
    show(state=State.FAILED, error_code=WorkerDied.code, error_message=WorkerDied.user_message)
    camera.take(page, "job-failed-ours")
    show(state=State.CANCELLED)
    camera.take(page, "job-cancelled")


def _take_lost(page: Page, camera: Camera, url: str) -> None:
    with Relay(url) as relay:
        page.goto(page.url.replace(url, relay.url))
        relay.shut()
        expect(page.locator("#connection")).to_be_visible()
        camera.take(page, "job-offline", whole=False)
        page.goto("about:blank")
        relay.reopen()
