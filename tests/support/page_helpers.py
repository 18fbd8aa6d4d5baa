"""What a page asks or says for a moment only: hold it, or note it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, Route

from tests.support.waiting import wait_for

NOTE_WORDS = """(element) => {
  window.told = [];
  new MutationObserver(() => told.push(element.textContent)).observe(element, { childList: true });
}"""
"""Note in `told` each text that comes into an element."""


@contextmanager
def held(page: Page, address: str | re.Pattern[str]) -> Iterator[None]:
    """Within it, what the page asks of this address next is not answered."""
    asked: list[Route] = []
    page.route(address, lambda route: asked.append(route), times=1)
    yield
    wait_for(lambda: page.title() and asked, f"the page to ask {address}")
    asked[0].continue_()
