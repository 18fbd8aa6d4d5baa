"""The registry of page states, and what their functions share."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.support.seeded_app import SeededApp

PageState = Callable[[Page, SeededApp], None]

PAGE_STATES: dict[str, PageState] = {}


def page_state(name: str) -> Callable[[PageState], PageState]:
    """Register the decorated function under this name. A worker sends heartbeats before it is called."""

    def register(open_state: PageState) -> PageState:
        def open_with_worker(page: Page, app: SeededApp) -> None:
            app.start_heartbeat()
            open_state(page, app)

        PAGE_STATES[name] = open_with_worker
        return open_state

    return register


def expect_heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def open_all_details(page: Page) -> None:
    page.evaluate("for (const details of document.querySelectorAll('details')) details.open = true")
