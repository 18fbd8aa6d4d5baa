"""States of a finished background's page, and of a share link's page."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from chromi.db import Job
from chromi.web.auth.link_passwords import hash_password
from tests.support.page_states.registry import expect_heading, open_all_details, page_state
from tests.support.seeded_app import SeededApp

PASSWORD = "four words"


def open_result_page(page: Page, app: SeededApp, job: Job) -> None:
    page.goto(app.job_url(job))
    expect_heading(page, "Your background is ready")
    open_all_details(page)
    notes = ":is([data-part=readable_note], [data-part=unreadable_note])"
    expect(page.locator(f"#newtab {notes}:not([hidden])")).to_be_visible()


@page_state("result")
def open_result(page: Page, app: SeededApp) -> None:
    open_result_page(page, app, app.create_result())


@page_state("result, heavy and shared")
def open_large_shared_result(page: Page, app: SeededApp) -> None:
    """Open a large result with share links in every state and a non-default preview window."""
    job = app.create_result(size_bytes=35_000_000)
    links = [
        *({}, {"password_hash": "scrypt"}, {"max_uses": 5, "uses": 2}),
        *({"max_uses": 1, "uses": 1}, {"expires_at": 1.0}, {"revoked_at": 1.0}),
    ]
    for values in links:
        app.create_share_link(job, **values)
    open_result_page(page, app, job)
    page.get_by_role("radio", name="Portrait").check()
    page.get_by_role("button", name="Show").click()


@page_state("receiver")
def open_share_link(page: Page, app: SeededApp) -> None:
    page.goto(app.create_share_link(app.create_result(), max_uses=3))
    expect(page.get_by_role("button", name="Download", exact=True)).to_be_visible()
    open_all_details(page)


@page_state("receiver, password")
def open_locked_share_link(page: Page, app: SeededApp) -> None:
    page.goto(app.create_share_link(app.create_result(), password_hash=hash_password(PASSWORD)))
    expect(page.get_by_label("Password for this link")).to_be_visible()


@page_state("receiver, wrong password")
def submit_wrong_password(page: Page, app: SeededApp) -> None:
    open_locked_share_link(page, app)
    page.get_by_label("Password for this link").fill("a guess")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Wrong password")
