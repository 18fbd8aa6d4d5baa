"""Everybody can use every page in every state: axe, and what axe does not ask."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.base import AxeResults
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import COLOR_SCHEMES, OpenPage, Scheme, listen
from tests.support.layout_checks import focused, measure
from tests.support.page_states import ADMIN_TOKEN, SCENES, wait_for_studio
from tests.support.seeded_app import House
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ALL_RULES = {"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]}
COLORS = {"runOnly": {"type": "rule", "values": ["color-contrast"]}, "resultTypes": ["violations"]}
LOOKS = {
    320: {},
    360: {"light": ALL_RULES, "dark": COLORS},
    768: {},
    1440: {"light": COLORS, "dark": ALL_RULES},
    3840: {},
}
"""What axe is asked at each width, in px; all else is measured at every one of them."""
NOTED = ("Failed to load resource", "Response Status Error Code 422")


@pytest.fixture(scope="module")
def house_settings() -> dict[str, str]:
    return {"admin_token": ADMIN_TOKEN}


@pytest.fixture(scope="module")
def heard() -> list[str]:
    return []


@pytest.fixture(scope="module")
def one_page(browser: Browser, heard: list[str]) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.add_init_script("navigator.share = async () => {}")
    page.add_init_script(Axe().axe_script)
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


def look(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 740 if width < 768 else 900})


def ask_axe(page: Page, rules_of: dict[Scheme, dict[str, object]]) -> Iterator[str]:
    for scheme, rules in rules_of.items():
        page.emulate_media(color_scheme=scheme)
        response = page.evaluate("rules => axe.run(rules)", rules)
        if response["violations"]:
            yield f"{scheme}: {AxeResults(response).generate_report()}"
    if rules_of:
        page.emulate_media(color_scheme="light")


def measure_all(page: Page, width: int) -> Iterator[str]:
    """As it is; and at some widths with large letters, and from right to left."""
    is_usual = width in (360, 1440)
    yield from measure(page, "wide", "clipped", *(["small"] if is_usual else []))
    if width in (320, 1440):
        page.evaluate("document.documentElement.dir = 'rtl'")
        yield from (f"right to left, {each}" for each in measure(page, "wide", "clipped"))
        page.evaluate("document.documentElement.dir = 'ltr'")
    if is_usual:
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        yield from (f"letters of 200 %, {each}" for each in measure(page, "wide", "clipped"))
        page.evaluate("document.documentElement.style.fontSize = ''")


def walk(page: Page) -> Iterator[str]:
    """Go from control to control by Tab, from the first to behind the last."""
    page.locator(".skip").focus()
    for _ in range(200):
        page.keyboard.press("Tab")
        wrong = focused(page)
        if wrong == "nowhere":
            return
        if wrong:
            yield f"focus {wrong}"
    yield "the walk has no end"


def test_everybody_can_use(one_page: Page, scene: str) -> None:
    page, wrong = one_page, []
    for width, rules_of in LOOKS.items():
        look(page, width)
        wrong += [f"{width} px, {each}" for each in (*ask_axe(page, rules_of), *measure_all(page, width))]
    look(page, 360)
    wrong += walk(page)
    assert "\n".join(wrong) == ""


def test_what_is_wrong_is_found(one_page: Page, house: House) -> None:
    """The checks above can fail."""
    page = one_page
    SCENES["start"](page, house)
    look(page, 360)
    page.evaluate(
        """() => {
          const main = document.querySelector("main");
          main.innerHTML = `<button class="bad">do it</button><p><img src="/static/start.gif"></p>
            <p id="long">${"m".repeat(99)}</p><p id="cut">some words</p>`;
          Object.assign(main.querySelector(".bad").style, { padding: 0, outline: "none", color: "white" });
          Object.assign(main.querySelector("#long").style, { overflowWrap: "normal" });
          Object.assign(main.querySelector("#cut").style, { overflow: "hidden", height: "8px" });
          main.querySelector(".bad").focus();
        }"""
    )
    rules = {each["id"] for each in page.evaluate("rules => axe.run(rules)", ALL_RULES)["violations"]}
    assert {"image-alt", "color-contrast", "page-has-heading-one"} <= rules
    assert "bad" in measure(page, "small")[0]
    assert "> 360" in measure(page, "wide")[0]
    assert "some words" in measure(page, "clipped")[0]
    assert "no ring" in focused(page)
    assert "start.gif" in measure(page, "moving")[0]


def test_the_focus_is_seen_at_400_percent(one_page: Page, house: House) -> None:
    """A window of 1280 x 1024 that is enlarged four times."""
    one_page.set_viewport_size({"width": 320, "height": 256})
    SCENES["studio, connection lost"](one_page, house)
    assert list(walk(one_page)) == []
    one_page.unroute_all()


def test_the_bar_has_room_for_its_words_on_a_low_screen(one_page: Page, house: House) -> None:
    one_page.set_viewport_size({"width": 1280, "height": 720})
    SCENES["studio, connection lost"](one_page, house)
    words = one_page.locator("#uploading").get_by_text("begins by itself").bounding_box()
    assert words
    assert words["width"] > words["height"]
    one_page.unroute_all()


STILL = [
    *("start", "start, opening the studio", "start, opening the studio for a GIF"),
    *("studio, uploading", "studio, uploading a GIF", "studio, GIF", "studio, blur", "making, running"),
    *("result, heavy and shared", "receiver"),
]


def test_nothing_moves_for_who_wants_little_motion(open_page: OpenPage, house: House) -> None:
    page = open_page(reduced_motion="reduce")
    for name in STILL:
        SCENES[name](page, house)
        page.wait_for_load_state()
        wait_for(lambda: measure(page, "moving") == [], f"{name}: all to stand still")
        page.unroute_all()


def test_the_systems_own_few_colors_tell_what_is_chosen(one_page: Page, house: House) -> None:
    page = one_page
    page.emulate_media(forced_colors="active")
    SCENES["studio, short clip"](page, house)
    border = "element => { const s = getComputedStyle(element); return s.borderTopWidth + s.borderTopColor; }"
    chosen, other = (page.locator(f".card:has(> [value={name}])") for name in ("cut", "crossfade"))
    assert chosen.evaluate(border) != other.evaluate(border)
    SCENES["making, running"](page, house)
    expect(page.locator("#job_bar")).not_to_have_css("border-top-width", "0px")
    page.emulate_media(forced_colors="none")


def test_time_runs_to_the_right_in_every_language(one_page: Page, house: House) -> None:
    page = one_page
    page.goto(house.upload(duration_s=120.0))
    wait_for_studio(page)
    page.evaluate("document.documentElement.dir = 'rtl'")
    look(page, 768)
    window, slider = page.locator("[data-part=window]"), page.get_by_label("Your part of the clip")
    start = page.get_by_label("Starts at")
    slider.focus()
    places = []
    for key, value in [
        ("Home", "00:00:00.000"),
        ("Shift+ArrowRight", "00:00:01.000"),
        ("ArrowUp", "00:00:01.100"),
    ]:
        page.keyboard.press(key)
        expect(start).to_have_value(value)
        box = window.bounding_box()
        assert box
        places.append(box["x"])
    assert places == sorted(places)
    first, last = (page.locator(f"[data-part={name}]").bounding_box() for name in ("first", "last"))
    assert first
    assert last
    assert first["x"] < last["x"]
    strip = page.locator("[data-part=strip]").bounding_box()
    assert strip
    page.mouse.click(strip["x"] + strip["width"] * 0.75, strip["y"] + 20)
    expect(start).to_have_value(re.compile(r"00:01:2\d"))
    page.evaluate("document.documentElement.dir = 'ltr'")


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_each_part_works(page: Page, house: House, width: int) -> None:
    """Choose, make, result and share; the studio has its own test of this kind."""
    look(page, width)
    page.emulate_media(color_scheme="dark" if width == 768 else "light")
    SCENES["studio, uploading"](page, house)
    page.get_by_role("button", name="Cancel the upload").click()
    page.unroute_all()
    expect(page.get_by_text("Drop a video here")).to_be_visible()

    SCENES["making, running"](page, house)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("heading", name="Cancelled")).to_be_focused()

    SCENES["result"](page, house)
    page.get_by_role("radio", name="Wide").check()
    expect(page.locator(".crop-notes p:visible")).to_contain_text("2560")
    for scheme in COLOR_SCHEMES:
        page.emulate_media(color_scheme=scheme)
        page.reload()
        expect(page.get_by_role("radio", name=scheme.title())).to_be_checked()

    page.get_by_role("button", name="Make a link").click()
    page.goto(page.get_by_label("Link 1", exact=True).input_value())
    with page.expect_download():
        page.get_by_role("link", name="Download", exact=True).click()
