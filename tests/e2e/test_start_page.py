"""The start page's background: animated unless reduced motion is preferred."""

import re
from pathlib import Path

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import Page, expect

from tests.e2e.conftest import COLOR_SCHEMES, OpenPage
from tests.support.seeded_app import SeededApp

pytestmark = pytest.mark.browser

STATIC = Path(__file__).resolve().parent.parent.parent / "chromi" / "static"
ANIMATION = re.compile(r"/static/v-\w+/start\.gif$")
STILL = re.compile(r"/static/v-\w+/start\.png$")


def test_files_are_small() -> None:
    assert (STATIC / "start.gif").stat().st_size < 300_000
    assert (STATIC / "start.png").stat().st_size < 6_000


def test_still_is_first_frame_of_animation() -> None:
    with Image.open(STATIC / "start.gif") as animation, Image.open(STATIC / "start.png") as still:
        assert ImageChops.difference(animation.convert("RGB"), still.convert("RGB")).getbbox() is None


def test_animation_can_be_stopped_and_resumed(page: Page, seeded_app: SeededApp) -> None:
    page.goto(seeded_app.url)
    background = page.locator(".start-background")
    expect(background).to_have_attribute("src", ANIMATION)
    page.get_by_role("button", name="Stop the moving picture").click()
    expect(background).to_have_attribute("src", STILL)
    page.get_by_role("button", name="Let the picture move").click()
    expect(background).to_have_attribute("src", ANIMATION)


def test_animation_is_requested_last(open_page: OpenPage, seeded_app: SeededApp) -> None:
    page = open_page()
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.goto(seeded_app.url)
    expect(page.locator(".start-background")).to_have_attribute("src", ANIMATION)
    files = [url for url in requested if "favicon" not in url]  # requested at any time
    assert ANIMATION.search(files[-1])
    assert all(url.startswith(seeded_app.url) for url in requested), "all files are from this origin"


def test_still_is_shown_with_reduced_motion(open_page: OpenPage, seeded_app: SeededApp) -> None:
    page = open_page(reduced_motion="reduce")
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.goto(seeded_app.url)
    expect(page.get_by_role("button", name="Let the picture move")).to_be_visible()
    assert not any(url.endswith("start.gif") for url in requested)


def test_page_fits_every_width(page: Page, seeded_app: SeededApp) -> None:
    page.goto(seeded_app.url)
    for width in (320, 360, 768, 1440):
        page.set_viewport_size({"width": width, "height": 800})
        for scheme in COLOR_SCHEMES:
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            frame, prompt = (page.locator(name).bounding_box() for name in (".media-frame", ".drop-prompt"))
            assert frame
            assert prompt
            assert frame["y"] <= prompt["y"]
            assert prompt["y"] + prompt["height"] <= frame["y"] + frame["height"]
