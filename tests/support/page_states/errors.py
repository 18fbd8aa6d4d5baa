"""Error pages."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page

from chromi.db import database
from tests.support.page_states.registry import expect_heading, page_state
from tests.support.seeded_app import SeededApp


def register_error_page(name: str, heading: str, make_url: Callable[[SeededApp], str]) -> None:
    """Register the page state of a URL that leads to an error page with this heading."""

    @page_state(name)
    def open_error_page(page: Page, app: SeededApp) -> None:
        page.goto(make_url(app))
        expect_heading(page, heading)


register_error_page("error, not found", "Page not found", lambda app: f"{app.url}/nowhere")
register_error_page(
    "error, link expired",
    "Link expired",
    lambda app: app.create_share_link(app.create_result(), expires_at=1.0),
)
register_error_page(
    "error, conflict", "Not available right now", lambda app: f"{app.create_partial_upload()}video"
)


@page_state("error, busy")
def open_while_database_fails(page: Page, app: SeededApp) -> None:
    """Open a page whose query fails because its table is renamed."""
    url = app.create_job()
    database.execute_sql("ALTER TABLE worker RENAME TO renamed_worker")
    try:
        page.goto(url)
    finally:
        database.execute_sql("ALTER TABLE renamed_worker RENAME TO worker")
    expect_heading(page, "One moment, please")
