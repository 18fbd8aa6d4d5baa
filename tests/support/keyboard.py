"""Use a page with the keyboard."""

import pytest
from playwright.sync_api import Locator, Page

MAX_PRESSES = 60


def has_focus(page: Page) -> bool:
    """Return True if an element of the page has the focus, not the page as a whole."""
    return bool(page.evaluate("document.activeElement !== document.body"))


def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until the target has the focus."""
    for _ in range(MAX_PRESSES):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"Tab does not reach {target}")


def tab_to_and_press(page: Page, target: Locator, key: str = "Enter") -> None:
    tab_to(page, target)
    page.keyboard.press(key)


def button_named(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)
