"""The start page: a calm picture that moves only where that is welcome."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.conftest import Service

pytestmark = pytest.mark.browser

STATIC = Path(__file__).resolve().parent.parent.parent / "chromi" / "static"
MOVING, STILL = re.compile(r"/static/v-\w+/start\.gif$"), re.compile(r"/static/v-\w+/start\.png$")


def test_the_picture_is_small() -> None:
    assert (STATIC / "start.gif").stat().st_size < 300_000
    assert (STATIC / "start.png").stat().st_size < 30_000


def test_the_picture_moves_until_it_is_stopped(page: Page, service: Service) -> None:
    page.goto(service.url)
    ground = page.locator(".ground")
    expect(ground).to_have_attribute("src", MOVING)
    page.get_by_role("button", name="Stop the moving picture").click()
    expect(ground).to_have_attribute("src", STILL)
    page.get_by_role("button", name="Let the picture move").click()
    expect(ground).to_have_attribute("src", MOVING)


def test_the_picture_comes_after_all_else(page: Page, service: Service) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(service.url)
    expect(page.locator(".ground")).to_have_attribute("src", MOVING)
    files = [url for url in asked if "favicon" not in url]  # the browser asks for that when it likes
    assert MOVING.search(files[-1])
    assert all(url.startswith(service.url) for url in asked), "nothing comes from elsewhere"


def test_who_wants_little_motion_sees_the_still(open_page: OpenPage, service: Service) -> None:
    page = open_page(reduced_motion="reduce")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(service.url)
    expect(page.get_by_role("button", name="Let the picture move")).to_be_visible()
    assert not any(url.endswith("start.gif") for url in asked)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 360, 768, 1440])
def test_the_page_fits(open_page: OpenPage, service: Service, width: int, scheme: str) -> None:
    page = open_page(width=width, color_scheme=scheme)
    page.goto(service.url)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    stage, invite = (page.locator(name).bounding_box() for name in (".stage", ".invite"))
    assert stage
    assert invite
    assert stage["y"] <= invite["y"]
    assert invite["y"] + invite["height"] <= stage["y"] + stage["height"]
