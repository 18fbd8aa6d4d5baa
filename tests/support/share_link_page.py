"""Helpers for tests of share links in the browser."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from chromi.db import Link

PASSWORD = "olé, four words"


def make_link(page: Page, **options: str) -> Locator:
    """Submit the form with these options and return the new link's field."""
    count = page.locator("#links li").count()
    if "expires" in options:
        page.get_by_label("Valid for").select_option(options["expires"])
    if "max_uses" in options:
        page.get_by_label("Download limit").fill(options["max_uses"])
    if "password" in options:
        page.get_by_label("Password (optional)").fill(options["password"])
    page.get_by_role("button", name="Create link").click()
    field = page.get_by_label(f"Link {count + 1}", exact=True)
    expect(field).to_be_visible()
    return field


def newest_link() -> Any:
    """Return the row of the newest share link."""
    return Link.select().where(Link.shared).order_by(Link.created_at.desc()).get()


def link_row(page: Page, number: int = 1) -> Locator:
    return page.locator("#links li").filter(has=page.get_by_label(f"Link {number}", exact=True))


def open_link_options(page: Page) -> None:
    """Open the options that extend or revoke link 1."""
    link_row(page).get_by_text("Extend or revoke").click()


def download(page: Page, folder: Path, *, is_counted: bool = False) -> bytes:
    """Download the GIF; a counted download has a button instead of a link."""
    with page.expect_download() as pending:
        page.get_by_role("button" if is_counted else "link", name="Download", exact=True).click()
    assert pending.value.suggested_filename == "chromi_background.gif"
    pending.value.save_as(folder / "downloaded.gif")
    return (folder / "downloaded.gif").read_bytes()
