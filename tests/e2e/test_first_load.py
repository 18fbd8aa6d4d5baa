"""A first visit on a slow phone: few bytes, few round trips, no layout shift. Times: `make bench-page`."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from benchmarks.page import PageLoad, load_page, open_slow_phone
from tests.support import clips
from tests.support.drawn_background import draw_background
from tests.support.seeded_app import SeededApp

pytestmark = pytest.mark.browser

LAPTOP = {"viewport": {"width": 1280, "height": 800}, "is_mobile": False, "has_touch": False}


@pytest.fixture(scope="module")
def page_urls(seeded_app: SeededApp, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """URLs of the start page, a small clip's studio and a small background."""
    folder = tmp_path_factory.mktemp("pages")
    clip = clips.make_clip(folder / "clip.mp4", size="320x180", rate=24, pattern="color=teal")
    job = seeded_app.create_result(finished=draw_background(folder, [["teal"]]))
    return {
        "start": f"{seeded_app.url}/",
        "studio": seeded_app.create_upload(clip),
        "result": seeded_app.job_url(job),
    }


@pytest.fixture(scope="module")
def slow_phone(browser: Browser) -> Iterator[Page]:
    with open_slow_phone(browser) as page:
        yield page


@pytest.fixture(scope="module")
def first_load(slow_phone: Page, page_urls: dict[str, str]) -> PageLoad:
    """The start page with an empty cache."""
    return load_page(slow_phone, page_urls["start"], last_file="examples/flower.mp4")


def static_names(urls: list[str]) -> list[str]:
    """Return the URLs' paths; static files without their versioned folder."""
    return [re.sub(r"^/static/v-\w+/", "", urlsplit(url).path) for url in urls]


def test_first_visit_is_small(first_load: PageLoad) -> None:
    """All bytes except the animation, including the studio's modules."""
    assert 20_000 < first_load.page_bytes < 120_000
    assert "js/open-studio.js" in static_names(list(first_load.bytes_by_url))


def test_page_lists_all_files_that_it_needs(
    first_load: PageLoad, slow_phone: Page, page_urls: dict[str, str]
) -> None:
    """The page needs no file whose URL is known only after another file has arrived."""
    html = slow_phone.request.get(page_urls["start"], headers={"Accept": "text/html"}).text()
    names = static_names(list(first_load.bytes_by_url))
    first_later = names.index("js/open-studio.js")
    for url, name in list(zip(first_load.bytes_by_url, names, strict=True))[1:first_later]:
        assert urlsplit(url).path in html, name
    assert names.index("css/app.css") < names.index("js/pages/start.js") < first_later
    assert names[-1] == "examples/flower.mp4", "the animation comes last"


def test_first_paint_waits_only_for_stylesheet_and_page_script(first_load: PageLoad) -> None:
    assert sorted(static_names(first_load.render_blocking_urls)) == ["css/app.css", "js/pages/start.js"]


def test_files_come_from_own_origin_and_only_once(first_load: PageLoad, seeded_app: SeededApp) -> None:
    assert all(url.startswith(seeded_app.url) for url in first_load.bytes_by_url)
    assert all(size > 0 for size in first_load.bytes_by_url.values()), "an unused preload is loaded twice"


def test_second_visit_loads_only_html(
    first_load: PageLoad, slow_phone: Page, page_urls: dict[str, str]
) -> None:
    second_load = load_page(slow_phone, page_urls["start"])
    assert [url for url, size in second_load.bytes_by_url.items() if size > 0] == [page_urls["start"]]
    assert second_load.page_bytes < 5000


def test_start_page_has_no_layout_shift(first_load: PageLoad) -> None:
    assert first_load.layout_shift < 0.01


@pytest.mark.parametrize(
    ("name", "screen"),
    [("studio", {}), ("studio", LAPTOP), ("result", {})],
    ids=["studio-phone", "studio-laptop", "result-phone"],
)
def test_studio_and_result_have_no_layout_shift(
    browser: Browser, page_urls: dict[str, str], name: str, screen: dict[str, object]
) -> None:
    with open_slow_phone(browser, **screen) as page:
        assert load_page(page, page_urls[name]).layout_shift < 0.01


@pytest.mark.parametrize("file", ["js/open-studio.js", "vendor/htmx-*.js"])
def test_clip_can_be_chosen_before_studio_scripts_are_loaded(
    page: Page, seeded_app: SeededApp, clip: Path, console_errors: list[str], file: str
) -> None:
    """Scripts that failed to load are loaded again, and the chosen clip is kept."""
    failed: list[str] = []

    def fail(route: Route) -> None:
        failed.append(route.request.url)
        route.fulfill(status=503)

    page.route(f"**/{file}", fail)
    page.goto(seeded_app.url)
    page.set_input_files("#video", clip)
    expect(page.locator("[data-part=connection_lost]")).to_be_visible()
    page.get_by_role("button", name="Try again now").click()
    # Not before the click: a successful automatic attempt would remove the button.
    page.unroute(f"**/{file}")
    expect(page.get_by_role("button", name="Play loop")).to_be_visible(timeout=30_000)
    assert len(console_errors) == len(failed) > 1
    assert all("503" in error for error in console_errors)
    console_errors.clear()
