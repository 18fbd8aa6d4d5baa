"""Helpers for tests of error messages in the browser."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page, expect

from tests.support.flaky_proxy import FlakyProxy

TIMEOUT_MS = 60_000

MakeClip = Callable[[Path], Path]
"""Makes a clip in a folder."""


def error_notice(page: Page) -> Locator:
    """Return the page's only error notice, which screen readers announce."""
    return page.get_by_role("alert").locator("#error")


def expect_error(page: Page, text: str) -> None:
    """Wait until the error notice has this text and is visible without scrolling."""
    expect(error_notice(page)).to_contain_text(text)
    expect(error_notice(page)).to_be_in_viewport(ratio=1)


def press_try_again(page: Page) -> None:
    error_notice(page).get_by_role("button", name="Try again").click()


def make_button(page: Page) -> Locator:
    return page.get_by_role("button", name="Make background")


def open_studio_page(page: Page, url: str) -> None:
    """Open the studio at this URL and wait until the clip can be played."""
    page.goto(url)
    expect(page.get_by_role("button", name="Play loop")).to_be_visible(timeout=TIMEOUT_MS)


def url_through(proxy: FlakyProxy, url: str) -> str:
    """Return the URL with the proxy in place of the service."""
    return f"{proxy.url}{urlsplit(url).path}"


def assert_no_horizontal_overflow(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
