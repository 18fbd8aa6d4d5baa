"""Pages in every language: the text fits a small phone, and times are in the reader's format."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from babel.support import Translations
from playwright.sync_api import Browser, Page, expect

from chromi.web.http.translation import LANGUAGES
from tests.e2e.conftest import record_console_errors
from tests.support.paths import ROOT
from tests.support.seeded_app import SeededApp

pytestmark = pytest.mark.browser

WRONG_FILE_TYPE = "{name} isn’t a supported video. Use an MP4, MOV, WebM, MKV, or GIF file."
IS_STATUS_BESIDE_ITS_HEADING = """() => {
  const status = document.querySelector("#estimates p");
  const heading = document.createRange();
  heading.selectNodeContents(status.closest("fieldset").querySelector("legend"));
  return heading.getBoundingClientRect().right + 4 < status.getBoundingClientRect().left;
}"""
OVERFLOW_PX = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def load_translations(language: str) -> Callable[[str], str]:
    return Translations.load(str(ROOT / "chromi" / "translations"), [language]).gettext


@contextmanager
def open_phone(browser: Browser, language: str, **options: object) -> Iterator[Page]:
    """Open a page on a small phone in Berlin with this language."""
    console_errors: list[str] = []
    context = browser.new_context(
        locale=language, timezone_id="Europe/Berlin", viewport={"width": 360, "height": 740}, **options
    )
    page = context.new_page()
    record_console_errors(page, console_errors)
    yield page
    context.close()
    assert console_errors == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_translated_pages_fit_small_phone(
    browser: Browser, seeded_app: SeededApp, result_url: str, language: str
) -> None:
    translate = load_translations(language)
    with open_phone(browser, language) as page:
        page.goto(seeded_app.url)
        heading = page.get_by_role("heading", level=1)
        expect(heading).to_have_text(translate("Turn any video into a Chrome new tab background"))
        assert page.evaluate(OVERFLOW_PX) == 0
        page.goto(seeded_app.create_upload())
        expect(page.get_by_role("button", name=translate("Play loop"))).to_be_visible()
        page.get_by_text(translate("More options"), exact=True).click()
        assert page.evaluate(OVERFLOW_PX) == 0
        expect(page.locator("#estimates p")).to_have_text(translate("Estimating sizes…"))
        assert page.evaluate(IS_STATUS_BESIDE_ITS_HEADING)
        page.goto(result_url)
        expect(heading).to_have_text(translate("Your background is ready"))
        page.get_by_role("button", name=translate("Create link")).click()
        expect(page.locator("#links li")).not_to_have_count(0)
        for summary in page.locator("summary").all():
            summary.click()
        assert page.evaluate(OVERFLOW_PX) == 0


def test_times_are_in_local_time_zone_and_format(browser: Browser, result_url: str) -> None:
    with open_phone(browser, "de-DE") as page:
        page.goto(result_url)
        time = page.locator("#result time").first
        local_time = page.evaluate(
            """time => new Date(time.dateTime).toLocaleString(
                "de-DE", {dateStyle: "long", timeStyle: "short"})""",
            time.element_handle(),
        )
        expect(time).to_have_text(local_time)
        assert "UTC" not in local_time


def test_times_are_in_utc_without_script(browser: Browser, result_url: str) -> None:
    with open_phone(browser, "de-DE", java_script_enabled=False) as page:
        page.goto(result_url)
        expect(page.locator("#result time").first).to_have_text(
            re.compile(r"^\d+\. \w+ \d{4}, \d\d:\d\d UTC$")
        )


def test_messages_from_script_are_translated(browser: Browser, seeded_app: SeededApp, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no clip")
    with open_phone(browser, "fr-FR") as page:
        page.goto(seeded_app.url)
        page.set_input_files("#video", text)
        expected = load_translations("fr")(WRONG_FILE_TYPE).replace("{name}", "notes.txt")
        expect(page.locator("#error p")).to_have_text(expected)
