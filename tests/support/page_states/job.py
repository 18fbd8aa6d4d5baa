"""States of a job's page before there is a result."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from chromi.db import JobKind, State
from tests.support.page_states.registry import PageState, expect_heading, page_state
from tests.support.page_states.studio import ESTIMATE_DETAILS, ESTIMATES, LOOPS
from tests.support.seeded_app import SeededApp

RESULTS: dict[JobKind, dict[str, object]] = {
    JobKind.ESTIMATE: {"estimates": ESTIMATES, "estimate_details": ESTIMATE_DETAILS},
    JobKind.LOOPS: {"loops": LOOPS},
    JobKind.PREVIEW: {},
}


@page_state("making, queued")
def open_queued_job(page: Page, app: SeededApp) -> None:
    for _ in range(2):
        app.create_job()
    page.goto(app.create_job())
    expect_heading(page, "Your background is in line")


@page_state("making, no worker")
def open_queued_job_without_worker(page: Page, app: SeededApp) -> None:
    app.stop_heartbeat()
    page.goto(app.create_job())
    expect(page.get_by_text("Processing is paused right now")).to_be_visible()


@page_state("making, running")
def open_running_job(page: Page, app: SeededApp) -> None:
    page.goto(app.create_running_job())
    expect(page.get_by_text(re.compile("less than a minute left"))).to_be_visible()


@page_state("failed, ours")
def open_job_failed_by_service(page: Page, app: SeededApp) -> None:
    page.goto(app.create_failed_job("internal_error"))
    expect(page.get_by_role("button", name="Try again")).to_be_visible()


@page_state("failed, the clip's")
def open_job_failed_by_clip(page: Page, app: SeededApp) -> None:
    page.goto(app.create_failed_job("encode_failed"))
    expect(page.get_by_role("link", name="Edit")).to_be_visible()


@page_state("failed, clip gone")
def open_failed_job_without_clip(page: Page, app: SeededApp) -> None:
    page.goto(app.create_failed_job("worker_died", error_message="It died.", upload=None))
    expect(page.get_by_role("link", name="Start over")).to_be_visible()


@page_state("cancelled")
def open_cancelled_job(page: Page, app: SeededApp) -> None:
    page.goto(app.create_job(state=State.CANCELLED))
    expect_heading(page, "Canceled")


def job_of_kind(kind: JobKind, state: State) -> PageState:
    """Return the page state of a job that is not a conversion."""

    def open_job(page: Page, app: SeededApp) -> None:
        result = RESULTS[kind] if state == State.SUCCESS else None
        page.goto(app.create_job(kind=kind, state=state, result_json=result))
        expect(page.locator("#job")).to_have_attribute("data-state", state)

    return open_job


# tests/web/http/test_translation.py renders every kind of job in every state.
for kind, state in (
    (JobKind.ESTIMATE, State.QUEUED),
    (JobKind.ESTIMATE, State.SUCCESS),
    (JobKind.LOOPS, State.SUCCESS),
    (JobKind.PREVIEW, State.SUCCESS),
):
    page_state(f"{kind} job, {state}")(job_of_kind(kind, state))
