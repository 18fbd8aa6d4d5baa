"""Invalid values in the studio's fields."""

import pytest
from playwright.sync_api import Page, expect

from tests.support.error_messages import make_button, open_studio_page
from tests.support.seeded_app import SeededApp

pytestmark = pytest.mark.browser


def test_invalid_start_is_reported_at_its_field(page: Page, seeded_app: SeededApp) -> None:
    open_studio_page(page, seeded_app.create_upload())
    start = page.get_by_label("Starts at")
    for typed, text, button in [
        ("tomorrow", "hours, minutes and seconds", "Make background"),
        ("0:75", "hours, minutes and seconds", "Find the best loop"),
        ("1:00", "Start at 0:02.0 or earlier", "Find the best loop"),
    ]:
        start.fill(typed)
        page.get_by_role("button", name=button).click()
        expect(start).to_be_focused()
        expect(start).to_have_value(typed)
        assert text in start.evaluate("field => field.validationMessage")
        assert "/uploads/" in page.url


def test_comma_is_accepted_as_decimal_separator(page: Page, seeded_app: SeededApp) -> None:
    open_studio_page(page, seeded_app.create_upload())
    page.get_by_label("Starts at").fill("0:01,5")
    expect(page.get_by_label("Your part of the clip")).to_have_value("1.5")


def test_invalid_field_in_closed_details_is_shown(page: Page, seeded_app: SeededApp) -> None:
    open_studio_page(page, seeded_app.create_upload())
    more_options = page.get_by_text("More options")
    for label, invalid, valid in [("Length in seconds", "0", "6"), ("Speed", "99", "1")]:
        more_options.click()
        field = page.get_by_label(label)
        field.fill(invalid)
        more_options.click()
        expect(field).to_be_hidden()
        make_button(page).click()
        expect(field).to_be_focused()
        assert field.evaluate("field => field.validationMessage")
        field.fill(valid)
        more_options.click()


def test_start_being_typed_is_kept_when_duration_arrives(page: Page, seeded_app: SeededApp) -> None:
    open_studio_page(page, seeded_app.create_upload())
    start = page.get_by_label("Starts at")
    start.click()
    start.fill("00:00:1")
    page.evaluate(
        """document.querySelector("#studio").dispatchEvent(
             new CustomEvent("chromi:uploaded", { detail: { info: { duration_s: 6.5, fps: 12 } } }))"""
    )
    expect(page.locator("[data-part=view_end]")).to_have_text("0:06.5")
    expect(start).to_have_value("00:00:1")
    expect(start).to_be_focused()
