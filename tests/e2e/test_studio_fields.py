"""Invalid values in the studio's fields."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.clips import make_clip
from tests.support.error_messages import make_button, open_studio_page
from tests.support.seeded_app import SeededApp

pytestmark = pytest.mark.browser


def test_invalid_start_is_explained_at_its_field(page: Page, seeded_app: SeededApp) -> None:
    open_studio_page(page, seeded_app.create_upload())
    start, hint = page.get_by_label("Start time"), page.locator("#start_hint")
    start.fill("abc")
    expect(hint).to_have_text("Example: 0:12.4")
    start.press("Tab")
    expect(hint).to_have_text("Enter a start time such as 0:12.4")
    start.fill("1")
    expect(hint).to_have_text("Example: 0:12.4")
    for typed, text in [
        ("tomorrow", "Enter a start time such as 0:12.4"),
        ("0:75", "Enter a start time"),
        ("1:00", "Start at 0:02.0 or earlier"),
    ]:
        start.fill(typed)
        make_button(page).click()
        expect(start).to_be_focused()
        expect(start).to_have_value(typed)
        assert text in start.evaluate("field => field.validationMessage")
        assert "/uploads/" in page.url
    page.get_by_label("Length (1 to 10 sec)").fill("5")
    expect(start).to_have_value("1:00")
    expect(hint).to_have_text("Start at 0:03.0 or earlier")
    start.fill("0:01,5")  # a comma is accepted as decimal separator
    assert start.evaluate("field => field.validationMessage") == ""
    expect(page.get_by_label("Selected part of the video")).to_have_value("1.5")


def test_length_outside_its_range_is_kept_and_rejected(page: Page, seeded_app: SeededApp) -> None:
    open_studio_page(page, seeded_app.create_upload())
    length = page.get_by_label("Length (1 to 10 sec)")
    for typed, used in (("12", "8 sec"), ("0", "1 sec")):
        length.fill(typed)
        length.blur()
        expect(page.locator("[data-part=summary]")).to_contain_text(used)
        make_button(page).click()
        expect(length).to_be_focused()
        expect(length).to_have_value(typed)
        assert length.evaluate("field => field.matches(':user-invalid')")  # has a red border
        assert "/uploads/" in page.url
    length.fill("3")
    make_button(page).click()
    page.wait_for_url("**/jobs/**")


def test_chosen_cut_of_very_short_clip_survives_reload(
    page: Page, seeded_app: SeededApp, tmp_path: Path
) -> None:
    open_studio_page(page, seeded_app.create_upload(make_clip(tmp_path / "clip.mp4", seconds=0.5)))
    expect(page.get_by_role("radio", name="Back and forth")).to_be_checked()
    page.get_by_role("radio", name=re.compile("^Cut")).check()
    expect(page).to_have_url(re.compile("loop=cut"))
    open_studio_page(page, page.url)
    expect(page.get_by_role("radio", name=re.compile("^Cut"))).to_be_checked()


def test_dragging_changes_the_address_at_intervals(page: Page, seeded_app: SeededApp) -> None:
    open_studio_page(page, seeded_app.create_upload())
    page.evaluate("""() => {
      window.stored = 0;
      const replaceState = history.replaceState.bind(history);
      history.replaceState = (...state) => {
        window.stored += 1;
        replaceState(...state);
      };
    }""")
    slider = page.get_by_role("slider", name="Darken")
    slider.evaluate(
        "field => { for (let n = 0; n < 300; n += 1) {"
        " field.value = n % 50; field.dispatchEvent(new Event('input', { bubbles: true })); } }"
    )
    expect(page).to_have_url(re.compile("darken=49"))
    assert page.evaluate("window.stored") <= 3


def test_invalid_field_in_closed_details_is_shown(page: Page, seeded_app: SeededApp) -> None:
    open_studio_page(page, seeded_app.create_upload())
    more_options = page.get_by_text("More options")
    more_options.click()
    speed = page.get_by_label("Speed")
    speed.fill("99")
    more_options.click()
    expect(speed).to_be_hidden()
    make_button(page).click()
    expect(speed).to_be_focused()
    assert speed.evaluate("field => field.validationMessage")


def test_start_being_typed_is_kept_when_duration_arrives(page: Page, seeded_app: SeededApp) -> None:
    open_studio_page(page, seeded_app.create_upload())
    start = page.get_by_label("Start time")
    start.click()
    start.fill("00:00:1")
    page.evaluate(
        """document.querySelector("#studio").dispatchEvent(
             new CustomEvent("chromi:uploaded", { detail: { info: { duration_s: 6.5, fps: 12 } } }))"""
    )
    expect(page.locator("[data-part=view_end]")).to_have_text("0:06.5")
    expect(start).to_have_value("00:00:1")
    expect(start).to_be_focused()
