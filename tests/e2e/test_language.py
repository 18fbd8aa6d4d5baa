"""The whole way in other languages: the words fit, and numbers and times are the reader's own."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from babel.support import Translations
from playwright.sync_api import Browser, Page, expect

from chromi.web.http.translation import LANGUAGES
from tests.e2e.conftest import listen
from tests.support.paths import ROOT
from tests.support.running_service import Service
from tests.support.service_client import start_job, wait_for_end

pytestmark = pytest.mark.browser

WRONG_TYPE = "“{name}” is not a kind of video that Chromi takes. Use an MP4, MOV, WebM, MKV or GIF file."
OVERFLOWING = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def words_of(language: str) -> Callable[[str], str]:
    return Translations.load(str(ROOT / "chromi" / "translations"), [language]).gettext


@contextmanager
def reading(browser: Browser, language: str, **options: object) -> Iterator[Page]:
    """A reader of this language with a small phone, in Berlin."""
    complaints: list[str] = []
    context = browser.new_context(
        locale=language, timezone_id="Europe/Berlin", viewport={"width": 360, "height": 740}, **options
    )
    page = context.new_page()
    listen(page, complaints)
    yield page
    context.close()
    assert complaints == []


@pytest.fixture(scope="module")
def result_url(service: Service, clip: Path) -> str:
    job_id = start_job(service, clip, duration="1")
    assert wait_for_end(service, job_id)["status"] == "success"
    return f"{service.url}/jobs/{job_id}/"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_whole_way_fits_a_small_phone(
    browser: Browser, service: Service, clip: Path, result_url: str, language: str
) -> None:
    say = words_of(language)
    with reading(browser, language) as page:
        page.goto(service.url)
        expect(page.get_by_role("heading", level=1)).to_have_text(say("Your clip, behind every new tab"))
        assert page.evaluate(OVERFLOWING) == 0
        page.set_input_files("#video", clip)
        expect(page.get_by_role("button", name=say("Play the loop"))).to_be_visible(timeout=60_000)
        page.get_by_text(say("More options"), exact=True).click()
        assert page.evaluate(OVERFLOWING) == 0
        page.goto(result_url)
        expect(page.get_by_role("heading", level=1)).to_have_text(say("Your background is ready"))
        page.get_by_role("button", name=say("Make a link")).click()
        expect(page.locator("#links li")).not_to_have_count(0)
        for folded in page.locator("summary").all():
            folded.click()
        assert page.evaluate(OVERFLOWING) == 0


def test_times_are_the_reader_s_own(browser: Browser, result_url: str) -> None:
    with reading(browser, "de-DE") as page:
        page.goto(result_url)
        time = page.locator("#result time").first
        moment = page.evaluate(
            """time => new Date(time.dateTime).toLocaleString(
                "de-DE", {dateStyle: "long", timeStyle: "short"})""",
            time.element_handle(),
        )
        expect(time).to_have_text(moment)
        assert "UTC" not in moment


def test_without_script_they_are_named_utc(browser: Browser, result_url: str) -> None:
    with reading(browser, "de-DE", java_script_enabled=False) as page:
        page.goto(result_url)
        expect(page.locator("#result time").first).to_have_text(
            re.compile(r"^\d+\. \w+ \d{4}, \d\d:\d\d UTC$")
        )


def test_what_script_says_is_in_the_reader_s_language(
    browser: Browser, service: Service, tmp_path: Path
) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no clip")
    with reading(browser, "fr-FR") as page:
        page.goto(service.url)
        page.set_input_files("#video", text)
        sentence = (
            "“{name}” is not a kind of video that Chromi takes. Use an MP4, MOV, WebM, MKV or GIF file."
        )
        expect(page.locator("#error p")).to_have_text(words_of("fr")(sentence).replace("{name}", "notes.txt"))
