"""Hold a page's request, and record text that is shown only briefly."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, Route

from tests.support.waiting import wait_for

ANALYSES_URL = re.compile("/(estimates|loops|bars)/$")

RECORD_TEXTS = """(element) => {
  window.texts = [];
  new MutationObserver(() => texts.push(element.textContent)).observe(element, { childList: true });
}"""
"""Record in `window.texts` every text that an element shows."""


def block_analyses(page: Page) -> None:
    """Do not answer the studio's requests for analyses, which would take longer than the test itself."""
    page.route(ANALYSES_URL, lambda route: None)


@contextmanager
def hold_request(page: Page, url: str | re.Pattern[str]) -> Iterator[None]:
    """Hold the page's next request for this URL until the block ends."""
    held: list[Route] = []
    page.route(url, lambda route: held.append(route), times=1)
    yield
    wait_for(lambda: page.title() and held, f"a request for {url}")
    held[0].continue_()
