"""The start page: a calm picture that moves only where that is welcome."""

import re
from pathlib import Path

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import Page, expect

from tests.e2e.conftest import COLOR_SCHEMES, OpenPage
from tests.support.seeded_app import House

pytestmark = pytest.mark.browser

STATIC = Path(__file__).resolve().parent.parent.parent / "chromi" / "static"
MOVING, STILL = re.compile(r"/static/v-\w+/start\.gif$"), re.compile(r"/static/v-\w+/start\.png$")


def test_the_picture_is_small() -> None:
    assert (STATIC / "start.gif").stat().st_size < 300_000
    assert (STATIC / "start.png").stat().st_size < 6_000


def test_the_still_is_where_it_begins_to_move() -> None:
    with Image.open(STATIC / "start.gif") as loop, Image.open(STATIC / "start.png") as still:
        assert ImageChops.difference(loop.convert("RGB"), still.convert("RGB")).getbbox() is None


def test_the_picture_moves_until_it_is_stopped(page: Page, house: House) -> None:
    page.goto(house.url)
    ground = page.locator(".ground")
    expect(ground).to_have_attribute("src", MOVING)
    page.get_by_role("button", name="Stop the moving picture").click()
    expect(ground).to_have_attribute("src", STILL)
    page.get_by_role("button", name="Let the picture move").click()
    expect(ground).to_have_attribute("src", MOVING)


def test_the_picture_comes_after_all_else(open_page: OpenPage, house: House) -> None:
    page = open_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(house.url)
    expect(page.locator(".ground")).to_have_attribute("src", MOVING)
    files = [url for url in asked if "favicon" not in url]  # the browser asks for that when it likes
    assert MOVING.search(files[-1])
    assert all(url.startswith(house.url) for url in asked), "nothing comes from elsewhere"


def test_who_wants_little_motion_sees_the_still(open_page: OpenPage, house: House) -> None:
    page = open_page(reduced_motion="reduce")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(house.url)
    expect(page.get_by_role("button", name="Let the picture move")).to_be_visible()
    assert not any(url.endswith("start.gif") for url in asked)


def test_the_page_fits(page: Page, house: House) -> None:
    page.goto(house.url)
    for width in (320, 360, 768, 1440):
        page.set_viewport_size({"width": width, "height": 800})
        for scheme in COLOR_SCHEMES:
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            stage, invite = (page.locator(name).bounding_box() for name in (".stage", ".invite"))
            assert stage
            assert invite
            assert stage["y"] <= invite["y"]
            assert invite["y"] + invite["height"] <= stage["y"] + stage["height"]
