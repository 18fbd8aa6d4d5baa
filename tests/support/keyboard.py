"""Going through a page by keyboard."""

import pytest
from playwright.sync_api import Locator, Page


def has_focus(page: Page) -> bool:
    """True while some element of the page has the focus, not the page as a whole."""
    return bool(page.evaluate("document.activeElement !== document.body"))


def reach(page: Page, wanted: Locator, *, key: str = "Tab") -> None:
    """Press Tab until this has the focus."""
    for _ in range(60):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press(key)
    pytest.fail(f"no way by {key} to {wanted}")


def press(page: Page, wanted: Locator, key: str = "Enter") -> None:
    reach(page, wanted)
    page.keyboard.press(key)


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)
