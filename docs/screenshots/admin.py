"""Capture the admin pages, with the jobs that other states have left."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from docs.screenshots.capture import Capture

TOKEN = "the-token-of-the-screenshots"  # noqa: S105  of a service that runs only for the screenshots


def capture_admin(page: Page, capture: Capture, url: str) -> None:
    page.goto(f"{url}/admin/")
    capture.save(page, "admin-login")
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Failed")).to_be_visible()
    capture.save(page, "admin")
