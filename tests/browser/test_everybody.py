"""Everybody can use every page in every state: axe, and what axe does not ask."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from chromi.models import database, open_database
from tests.browser.conftest import listen
from tests.browser.house import Finished, House
from tests.browser.measures import TARGET_PX, focused, measure
from tests.browser.scenes import SCENES
from tests.conftest import end_service, run_service

pytestmark = pytest.mark.browser

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ALL_RULES = {"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]}
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast"]}, "resultTypes": ["violations"]}
LOOKS = [
    (360, "light", ALL_RULES),
    (360, "dark", COLOURS),
    (1440, "light", COLOURS),
    (1440, "dark", ALL_RULES),
]
NOTED = ("Failed to load resource", "Response Status Error Code 422")
WIDTHS = (320, 360, 768, 1440, 3840)


@pytest.fixture(scope="module")
def house(
    tmp_path_factory: pytest.TempPathFactory, clip: Path, finished_files: Finished
) -> Iterator[House]:
    service = run_service(tmp_path_factory.mktemp("house") / "instance", {}, "web")
    open_database(service.instance)
    with database.connection_context():
        house = House(service, clip, finished_files)
        house.hire()
        yield house
    database.close()
    end_service(service)


@pytest.fixture(scope="module")
def heard() -> list[str]:
    return []


@pytest.fixture(scope="module")
def one_page(browser: Browser, heard: list[str]) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.add_init_script("navigator.share = async () => {}")
    listen(page, heard)
    yield page
    context.close()


@pytest.fixture(params=SCENES)
def scene(request: pytest.FixtureRequest, one_page: Page, house: House, heard: list[str]) -> Iterator[str]:
    """One after the other, on the same page."""
    heard.clear()
    SCENES[request.param](one_page, house)
    yield request.param
    one_page.unroute_all()
    # The browser itself notes each answer of 400 and more, and whatever does not come.
    assert [line for line in heard if not line.startswith(NOTED)] == []


def look(page: Page, width: int, scheme: str = "light") -> None:
    page.set_viewport_size({"width": width, "height": 740 if width < 768 else 900})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")


def test_a_scene(one_page: Page, scene: str) -> None:
    page = one_page
    t0 = time.perf_counter()
    wrong: list[str] = []
    for width, scheme, rules in LOOKS:
        look(page, width, scheme)
        found = Axe().run(page, options=rules)
        if found.violations_count:
            wrong.append(f"{width} {scheme}\n{found.generate_report()}")
    t1 = time.perf_counter()
    for direction in ("rtl", "ltr"):
        page.evaluate("direction => { document.documentElement.dir = direction }", direction)
        for width in WIDTHS:
            look(page, width)
            wrong += [f"{direction} {width} sticks out: {each}" for each in measure(page, "wide")]
            wrong += [f"{direction} {width} cut: {each}" for each in measure(page, "clipped")]
    look(page, 360)
    wrong += [f"small: {each}" for each in measure(page, "small", TARGET_PX)]
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    for width in (360, 1440):
        look(page, width)
        wrong += [f"200 % {width} sticks out: {each}" for each in measure(page, "wide")]
        wrong += [f"200 % {width} cut: {each}" for each in measure(page, "clipped")]
    page.evaluate("document.documentElement.style.fontSize = ''")
    print("TIME", scene, round(t1-t0,2), round(time.perf_counter() - t1,2))
    look(page, 360)
    assert "\n".join(wrong) == ""
