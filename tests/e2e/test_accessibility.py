"""Accessibility of every page in every state: axe's rules, and layout checks that axe does not do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.base import AxeResults
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import COLOR_SCHEMES, ColorScheme, OpenPage, record_console_errors
from tests.support.layout_checks import find_focus_error, find_layout_errors
from tests.support.page_states import PAGE_STATES
from tests.support.page_states.admin import ADMIN_TOKEN
from tests.support.page_states.studio import wait_for_studio
from tests.support.seeded_app import SeededApp
from tests.support.upload_page import record_requests
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ALL_RULES = {"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]}
CONTRAST_RULE = {"runOnly": {"type": "rule", "values": ["color-contrast"]}, "resultTypes": ["violations"]}
RULES_BY_WIDTH = {320: {}, 360: {"light": ALL_RULES}, 1440: {"dark": CONTRAST_RULE}}
"""The axe rules for each color scheme, by width in px; the layout checks run at every width."""
RULES_BY_WIDTH_OF_FULL_STATES = {
    320: {},
    360: {"light": ALL_RULES, "dark": CONTRAST_RULE},
    768: {},
    1440: {"dark": ALL_RULES},
    3840: {},
}
FULL_STATES = (
    "start",
    "studio, all of it",
    "making, running",
    "result, heavy and shared",
    "receiver",
    "admin",
)
"""Together, they have nearly all elements of all pages. The other states show them with other contents."""
STATES_WITHOUT_NEW_CONTROLS = (
    *("start, dragging", "studio, uploading a GIF", "studio, wrong options"),
    *("studio, GIF", "studio, unplayable clip", "result", "receiver, wrong password"),
)
"""Their controls are a subset of those of another state, where the Tab key visits them."""
MAX_TABS = 200
ALLOWED_ERRORS = ("Failed to load resource", "Response Status Error Code 422")
"""The browser logs each response with a status of 400 or more, and each request that fails."""
REDUCED_MOTION_STATES = [
    *("start", "start, opening the studio", "start, opening the studio for a GIF"),
    *("studio, uploading", "studio, uploading a GIF", "studio, GIF", "studio, blur", "making, running"),
    *("result, heavy and shared", "receiver"),
]


@pytest.fixture(scope="module")
def seeded_app_settings() -> dict[str, str]:
    return {"admin_token": ADMIN_TOKEN}


@pytest.fixture(scope="module")
def state_errors() -> list[str]:
    """Console errors of the current page state."""
    return []


@pytest.fixture(scope="module")
def axe_page(browser: Browser, state_errors: list[str]) -> Iterator[Page]:
    """A page for all tests of this module."""
    context = browser.new_context(viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.add_init_script("navigator.share = async () => {}")
    record_console_errors(page, state_errors)
    yield page
    context.close()


@pytest.fixture(params=PAGE_STATES)
def page_state(
    request: pytest.FixtureRequest, axe_page: Page, seeded_app: SeededApp, state_errors: list[str]
) -> Iterator[str]:
    """Open each page state, one after the other, on the same page."""
    state_errors.clear()
    PAGE_STATES[request.param](axe_page, seeded_app)
    yield request.param
    axe_page.unroute_all()
    assert [error for error in state_errors if not error.startswith(ALLOWED_ERRORS)] == []


def set_width(page: Page, width: int) -> None:
    """Resize the window and wait for a frame, in which the page follows the new height of its action bar."""
    page.set_viewport_size({"width": width, "height": 740 if width < 768 else 900})
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def run_axe(page: Page, rules: dict[str, object]) -> Any:
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(Axe().axe_script)
    return page.evaluate("rules => axe.run(rules)", rules)


def find_axe_violations(page: Page, rules: dict[ColorScheme, dict[str, object]]) -> Iterator[str]:
    for scheme, scheme_rules in rules.items():
        page.emulate_media(color_scheme=scheme)
        response = run_axe(page, scheme_rules)
        if response["violations"]:
            yield f"{scheme}: {AxeResults(response).generate_report()}"
    if rules:
        page.emulate_media(color_scheme="light")


def find_all_layout_errors(page: Page, width: int) -> Iterator[str]:
    """Check the layout as it is, and at some widths from right to left and with text at 200%."""
    is_common_width = width in (360, 1440)
    yield from find_layout_errors(page, "wide", "clipped", *(["small"] if is_common_width else []))
    if width in (320, 1440):
        page.evaluate("document.documentElement.dir = 'rtl'")
        yield from (f"right to left, {each}" for each in find_layout_errors(page, "wide", "clipped"))
        page.evaluate("document.documentElement.dir = 'ltr'")
    if is_common_width:
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        yield from (f"text at 200%, {each}" for each in find_layout_errors(page, "wide", "clipped"))
        page.evaluate("document.documentElement.style.fontSize = ''")


def find_focus_errors(page: Page) -> Iterator[str]:
    """Press Tab from the first control until the focus leaves the page; yield each error."""
    page.locator(".skip-link").focus()
    for _ in range(MAX_TABS):
        page.keyboard.press("Tab")
        error = find_focus_error(page)
        if error == "nowhere":
            return
        if error:
            yield f"focus {error}"
    yield "Tab does not reach the end of the page"


def test_page_state_is_accessible(axe_page: Page, page_state: str) -> None:
    errors: list[str] = []
    rules_by_width = RULES_BY_WIDTH_OF_FULL_STATES if page_state in FULL_STATES else RULES_BY_WIDTH
    for width, rules in rules_by_width.items():
        set_width(axe_page, width)
        found = [*find_axe_violations(axe_page, rules), *find_all_layout_errors(axe_page, width)]
        errors += [f"{width} px, {each}" for each in found]
    if page_state not in STATES_WITHOUT_NEW_CONTROLS:
        set_width(axe_page, 360)
        errors += find_focus_errors(axe_page)
    assert "\n".join(errors) == ""


def test_checks_find_errors(axe_page: Page, seeded_app: SeededApp) -> None:
    PAGE_STATES["start"](axe_page, seeded_app)
    set_width(axe_page, 360)
    axe_page.evaluate(
        """() => {
          const main = document.querySelector("main");
          main.innerHTML = `<button class="bad">do it</button><p><img src="/static/examples/glow.gif"></p>
            <p id="long">${"m".repeat(99)}</p><p id="cut">some words</p>`;
          Object.assign(main.querySelector(".bad").style, { padding: 0, outline: "none", color: "white" });
          Object.assign(main.querySelector("#long").style, { overflowWrap: "normal" });
          Object.assign(main.querySelector("#cut").style, { overflow: "hidden", height: "8px" });
          main.querySelector(".bad").focus();
        }"""
    )
    violations = run_axe(axe_page, ALL_RULES)["violations"]
    assert {"image-alt", "color-contrast", "page-has-heading-one"} <= {each["id"] for each in violations}
    assert "bad" in find_layout_errors(axe_page, "small")[0]
    assert "> 360" in find_layout_errors(axe_page, "wide")[0]
    assert "some words" in find_layout_errors(axe_page, "clipped")[0]
    assert "no ring" in find_focus_error(axe_page)
    assert "glow.gif" in find_layout_errors(axe_page, "moving")[0]


def test_focus_is_visible_at_400_percent_zoom(axe_page: Page, seeded_app: SeededApp) -> None:
    """A window of 1280 x 1024 px at 400% has 320 x 256 CSS pixels."""
    axe_page.set_viewport_size({"width": 320, "height": 256})
    PAGE_STATES["studio, connection lost"](axe_page, seeded_app)
    assert list(find_focus_errors(axe_page)) == []
    axe_page.unroute_all()


def test_action_bar_text_is_not_squeezed_on_short_screen(axe_page: Page, seeded_app: SeededApp) -> None:
    axe_page.set_viewport_size({"width": 1280, "height": 720})
    PAGE_STATES["studio, connection lost"](axe_page, seeded_app)
    text = axe_page.locator("#uploading").get_by_text("Your background will be made when").bounding_box()
    assert text
    assert text["width"] > text["height"]
    axe_page.unroute_all()


def test_nothing_moves_with_reduced_motion(open_page: OpenPage, seeded_app: SeededApp) -> None:
    page = open_page(reduced_motion="reduce")
    requests = record_requests(page)
    for name in REDUCED_MOTION_STATES:
        PAGE_STATES[name](page, seeded_app)
        page.wait_for_load_state()
        wait_for(lambda: find_layout_errors(page, "moving") == [], f"{name}: everything to stand still")
        if name == "start":
            expect(page.get_by_role("button", name="Play animation")).to_be_visible()
        page.unroute_all()
    assert not any(re.search(r"/examples/\w+\.mp4$", request.url) for request in requests)


def test_forced_colors_show_selected_card_and_progress(axe_page: Page, seeded_app: SeededApp) -> None:
    axe_page.emulate_media(forced_colors="active")
    PAGE_STATES["studio, short clip"](axe_page, seeded_app)
    border = "element => { const s = getComputedStyle(element); return s.borderTopWidth + s.borderTopColor; }"
    selected, other = (axe_page.locator(f".card:has(> [value={name}])") for name in ("cut", "crossfade"))
    assert selected.evaluate(border) != other.evaluate(border)
    PAGE_STATES["making, running"](axe_page, seeded_app)
    expect(axe_page.locator("#job_bar")).not_to_have_css("border-top-width", "0px")
    axe_page.emulate_media(forced_colors="none")


def test_timeline_runs_left_to_right_in_every_language(axe_page: Page, seeded_app: SeededApp) -> None:
    page = axe_page
    page.goto(seeded_app.create_upload(duration_s=120.0))
    wait_for_studio(page)
    page.evaluate("document.documentElement.dir = 'rtl'")
    set_width(page, 768)
    window, slider = page.locator("[data-part=selection]"), page.get_by_label("Selected part of the video")
    start = page.get_by_label("Start time")
    slider.focus()
    positions = []
    for key, value in [
        ("Home", "0:00.0"),
        ("Shift+ArrowRight", "0:01.0"),
        ("ArrowUp", "0:01.1"),
    ]:
        page.keyboard.press(key)
        expect(start).to_have_value(value)
        box = window.bounding_box()
        assert box
        positions.append(box["x"])
    assert positions == sorted(positions)
    first, last = (
        page.locator(f"[data-part={name}]").bounding_box() for name in ("first_frame", "last_frame")
    )
    assert first
    assert last
    assert first["x"] < last["x"]
    track = page.locator("[data-part=track]").bounding_box()
    assert track
    page.mouse.click(track["x"] + track["width"] * 0.75, track["y"] + 20)
    expect(start).to_have_value(re.compile(r"^1:2\d"))
    page.evaluate("document.documentElement.dir = 'ltr'")


def test_pages_work_on_a_phone(page: Page, seeded_app: SeededApp) -> None:
    """Upload, job, result and share link; test_studio_options.py checks the studio."""
    set_width(page, 360)
    PAGE_STATES["studio, uploading"](page, seeded_app)
    page.get_by_role("button", name="Cancel upload").click()
    page.unroute_all()
    expect(page.get_by_text("Drop a video here")).to_be_visible()

    PAGE_STATES["making, running"](page, seeded_app)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("heading", name="Canceled")).to_be_focused()
    page.get_by_role("link", name="Edit").click()
    wait_for_studio(page)

    PAGE_STATES["result"](page, seeded_app)
    page.get_by_role("radio", name="Wide").check()
    expect(page.locator(".crop-notes p:visible")).to_contain_text("2560")
    for scheme in COLOR_SCHEMES:
        page.emulate_media(color_scheme=scheme)
        page.reload()
        expect(page.get_by_role("radio", name=scheme.title())).to_be_checked()

    page.get_by_role("button", name="Create link").click()
    page.goto(page.get_by_label("Link 1", exact=True).input_value())
    with page.expect_download():
        page.get_by_role("link", name="Download", exact=True).click()
