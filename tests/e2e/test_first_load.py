"""A first visit by a slow phone: little comes, and at once, and nothing jumps. Times: `make bench-page`."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from benchmarks.page import Load, load, slow_phone
from chromi.encoder import ConversionOptions, convert
from tests.support import clips
from tests.support.seeded_app import House

pytestmark = pytest.mark.browser

LAPTOP = {"viewport": {"width": 1280, "height": 800}, "is_mobile": False, "has_touch": False}


@pytest.fixture(scope="module")
def pages(house: House, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Addresses of the start page, a small clip's studio and a small background."""
    folder = tmp_path_factory.mktemp("pages")
    clip = clips.make_clip(folder / "clip.mp4", size="320x180", rate=24, pattern="color=teal")
    gif, poster = folder / "made.gif", folder / "made.jpg"
    made = convert(clip, gif, ConversionOptions(duration_s=1.0), work_dir=folder / "work", poster=poster)
    result = house.result(finished=(gif, poster, made))
    return {"start": f"{house.url}/", "studio": house.upload(clip), "result": house.page_of(result)}


@pytest.fixture(scope="module")
def phone(browser: Browser) -> Iterator[Page]:
    with slow_phone(browser) as page:
        yield page


@pytest.fixture(scope="module")
def first(phone: Page, pages: dict[str, str]) -> Load:
    """The start page as a phone sees it that was never here."""
    return load(phone, pages["start"], last="start.gif")


def names(addresses: list[str]) -> list[str]:
    """What stands behind the version in the addresses of static files."""
    return [re.sub(r"^/static/v-\w+/", "", urlsplit(address).path) for address in addresses]


def test_the_first_visit_is_light(first: Load) -> None:
    """All that it brings but the moving picture, the studio's script included."""
    assert 20_000 < first.own_bytes < 100_000
    assert "js/studio.js" in names(list(first.bytes_of))


def test_the_page_names_all_that_it_needs(first: Load, phone: Page, pages: dict[str, str]) -> None:
    """No file has to come before another can be asked for; what is not named comes after the page."""
    text = phone.request.get(pages["start"], headers={"Accept": "text/html"}).text()
    asked = names(list(first.bytes_of))
    later = asked.index("js/enter.js")
    for url, name in list(zip(first.bytes_of, asked, strict=True))[1:later]:
        assert urlsplit(url).path in text, name
    assert asked.index("app.css") < asked.index("pages/start.js") < later
    scripts = [name for name in asked[:later] if name.endswith(".js") and "vendor" not in name]
    assert len(scripts) <= 11, "with the style two rounds of six connections"
    assert asked[-1] == "start.gif", "the moving picture comes last"


def test_the_first_paint_waits_for_style_and_script_alone(first: Load) -> None:
    assert sorted(names(first.blocking)) == ["app.css", "pages/start.js"]


def test_nothing_comes_from_elsewhere_or_twice(first: Load, house: House) -> None:
    assert all(url.startswith(house.url) for url in first.bytes_of)
    assert all(size > 0 for size in first.bytes_of.values()), "a preload that is not used comes twice or not"


def test_the_next_visit_brings_the_page_alone(first: Load, phone: Page, pages: dict[str, str]) -> None:
    again = load(phone, pages["start"])
    assert [url for url, size in again.bytes_of.items() if size > 0] == [pages["start"]]
    assert again.own_bytes < 5000


def test_the_first_page_does_not_jump(first: Load) -> None:
    assert first.shift < 0.01


@pytest.mark.parametrize("screen", [{}, LAPTOP], ids=["phone", "laptop"])
@pytest.mark.parametrize("name", ["studio", "result"])
def test_nor_do_the_others(
    browser: Browser, pages: dict[str, str], name: str, screen: dict[str, object]
) -> None:
    with slow_phone(browser, **screen) as page:
        assert load(page, pages[name]).shift < 0.01


def test_a_clip_can_be_chosen_before_the_studios_script_is_there(
    page: Page, house: House, clip: Path, complaints: list[str]
) -> None:
    """It is fetched again when it did not come, and nothing is lost meanwhile."""
    failures: list[str] = []

    def fail(route: Route) -> None:
        failures.append(route.request.url)
        route.fulfill(status=503)

    page.route("**/js/enter.js", fail)
    page.goto(house.url)
    page.set_input_files("#video", clip)
    expect(page.locator("[data-part=lost]")).to_be_visible()
    page.get_by_role("button", name="Try again now").click()
    page.unroute("**/js/enter.js")  # not before: a try that works by itself takes the button away
    expect(page.get_by_role("button", name="Play the loop")).to_be_visible(timeout=30_000)
    assert len(complaints) == len(failures) > 1
    assert all("503" in complaint for complaint in complaints)
    complaints.clear()
