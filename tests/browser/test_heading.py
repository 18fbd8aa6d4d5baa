"""The studio is called by what is to be chosen in it."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_whole_way import choose
from tests.conftest import Service

pytestmark = pytest.mark.browser


def test_the_heading_follows_the_length(page: Page, service: Service, clip: Path) -> None:
    choose(page, service, clip)
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("Choose your six seconds")
    page.get_by_text("More options").click()
    length = page.get_by_label("Length in seconds")
    for seconds, words in (("4", "Choose your part"), ("10", "Your clip"), ("6", "Choose your six seconds")):
        length.fill(seconds)
        expect(heading).to_have_text(words)
        expect(page).to_have_title(f"{words} · Chromi")
    length.fill("4")
    page.reload()
    expect(heading).to_have_text("Choose your part")
    expect(page).to_have_title("Choose your part · Chromi")
