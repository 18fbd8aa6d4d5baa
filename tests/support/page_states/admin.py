"""States of the admin pages."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from chromi.db import State
from tests.support.page_states.registry import expect_heading, page_state
from tests.support.seeded_app import SeededApp

ADMIN_TOKEN = "the-token-of-the-host"


def log_in(page: Page, app: SeededApp, token: str) -> None:
    page.context.clear_cookies()
    page.goto(f"{app.url}/admin/")
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Sign in").click()


@page_state("admin, wrong token")
def submit_wrong_token(page: Page, app: SeededApp) -> None:
    log_in(page, app, "a wrong one")
    expect(page.get_by_role("alert").filter(has_text="token is wrong")).to_be_visible()


@page_state("admin")
def open_admin_page(page: Page, app: SeededApp) -> None:
    """Open the page with queued, running and failed jobs, with and without a clip."""
    for _ in range(2):
        app.create_job(state=State.QUEUED)
        app.create_running_job()
        app.create_failed_job("no_frames")
    app.create_failed_job("timed_out", error_message="It took too long.", upload=None)
    log_in(page, app, ADMIN_TOKEN)
    expect_heading(page, "Service healthy")
    expect(page.get_by_role("button", name="Retry").first).to_be_visible()
