"""Making, copying, extending and revoking share links on the result's page."""

import re

import pytest
import segno
from playwright.sync_api import Page, expect

from tests.e2e.conftest import OpenPage
from tests.support.page_helpers import RECORD_TEXTS
from tests.support.share_link_page import PASSWORD, link_row, make_link, newest_link, open_link_options
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser

LINKS = [
    ({}, "Not downloaded yet"),
    ({"max_uses": "1"}, "1 download left"),
    ({"max_uses": "10", "expires": "7d"}, "10 of 10 downloads left"),
    ({"password": PASSWORD}, "Password required"),
]
"""Options of a link, and what its status says."""

READ_QR_CODE = """(image, size) => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size * 4;
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  const isDark = (x, y) => data[((y * 4 + 2) * canvas.width + x * 4 + 2) * 4] < 128;
  return Array.from({ length: size }, (_, y) => Array.from({ length: size }, (_, x) => Number(isDark(x, y))));
}"""
"""Return the QR code's modules as rows of 0 and 1."""


# -- making ------------------------------------------------------------------------------------------------


def test_link_is_made_with_each_option(page: Page, result_url: str) -> None:
    page.goto(result_url)
    for number, (options, sentence) in enumerate(LINKS, start=1):
        field = make_link(page, **options)
        expect(field).to_have_value(re.compile(r"^http://.+/download/.+/$"))
        expect(link_row(page, number)).to_contain_text("Valid until")
        expect(link_row(page, number)).to_contain_text(sentence)
        expect(page.locator("#announcer")).to_contain_text(f"Link {number} Valid until")
        expect(page.get_by_label("Download limit")).to_have_value("")
        expect(page.get_by_label("Password (optional)")).to_have_value("")
        expect(page.get_by_role("button", name="Create link")).to_be_focused()
    page.reload()
    for number, (_, sentence) in enumerate(LINKS, start=1):
        expect(link_row(page, number)).to_contain_text(sentence)


def test_browser_rejects_invalid_options_and_shows_password(page: Page, result_url: str) -> None:
    page.goto(result_url)
    page.get_by_label("Download limit").fill("500")
    page.get_by_role("button", name="Create link").click()
    page.get_by_label("Download limit").fill("5")
    page.get_by_label("Password (optional)").fill("abc")
    page.get_by_role("button", name="Create link").click()
    expect(page.get_by_label("Password (optional)")).to_be_focused()
    assert page.locator("#links li").count() == 0

    page.get_by_label("Password (optional)").fill("")
    field, show = page.get_by_label("Password (optional)"), page.get_by_role("button", name="Show")
    expect(field).to_have_attribute("type", "password")
    show.click()
    expect(field).to_have_attribute("type", "text")
    expect(show).to_have_attribute("aria-pressed", "true")
    show.click()
    expect(field).to_have_attribute("type", "password")
    show.click()
    make_link(page)
    expect(field).to_have_attribute("type", "password")
    expect(show).to_have_attribute("aria-pressed", "false")


# -- passing on --------------------------------------------------------------------------------------------


def test_link_is_copied_to_clipboard(page: Page, result_url: str) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(result_url)
    field = make_link(page)
    button = page.get_by_role("button", name="Copy link 1")
    page.locator("#announcer").evaluate(RECORD_TEXTS)
    for count in (1, 2):
        button.click()
        expect(button).to_have_text("Copied")
        expect(button).to_have_text("Copy")
        wait_for(lambda count=count: page.evaluate("texts").count("Copied") == count, "the announcement")
    assert page.evaluate("navigator.clipboard.readText()") == field.input_value()


def test_link_text_is_selected_if_clipboard_is_unavailable(open_page: OpenPage, result_url: str) -> None:
    page = open_page()
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.goto(result_url)
    field = make_link(page)
    page.get_by_role("button", name="Copy link 1").click()
    assert page.evaluate("getSelection().toString()") == field.input_value()
    expect(page.locator("#announcer")).to_have_text("Selected. Copy it now.")


def test_share_button_is_shown_only_with_web_share_api(open_page: OpenPage, result_url: str) -> None:
    page = open_page()
    page.add_init_script("delete Navigator.prototype.share")
    page.goto(result_url)
    field = make_link(page)
    expect(page.get_by_role("button", name="Share link 1")).to_be_hidden()
    page.add_init_script("navigator.share = async (data) => { window.shared = data; }")
    page.reload()
    page.get_by_role("button", name="Share link 1").click()
    assert page.evaluate("shared.url") == field.input_value()
    assert page.evaluate("shared.title")


def test_qr_code_contains_link(page: Page, result_url: str) -> None:
    page.goto(result_url)
    field = make_link(page)
    page.get_by_text("QR code").click()
    image = page.get_by_role("img", name="QR code with the URL of link 1")
    expect(image).to_be_visible()
    expect(image).not_to_have_js_property("naturalWidth", 0)
    code = segno.make(field.input_value(), error="m", micro=False)
    expected = [list(row) for row in code.matrix_iter(border=4)]
    assert image.evaluate(READ_QR_CODE, len(expected)) == expected


# -- changing ----------------------------------------------------------------------------------------------


def test_extending_link_keeps_focus(page: Page, result_url: str) -> None:
    page.goto(result_url)
    make_link(page, expires="1h")
    before = newest_link().expires_at
    open_link_options(page)
    page.get_by_label("Extend link 1 by").select_option("7d")
    button = page.get_by_role("button", name="Extend link 1")
    button.focus()
    with page.expect_response("**/extend"):
        page.keyboard.press("Enter")
    expect(page.locator("#links")).to_have_attribute("data-change", "extended")
    expect(button).to_be_focused()
    assert newest_link().expires_at == pytest.approx(before + 7 * 86400)
    expect(page.locator("#announcer")).to_contain_text("Link 1 Valid until")


def test_revoked_link_no_longer_works(
    page: Page, receiver: Page, result_url: str, console_errors: list[str]
) -> None:
    page.goto(result_url)
    link = make_link(page).input_value()
    receiver.goto(link)
    expect(receiver.get_by_role("heading", name="Someone shared a background with you")).to_be_visible()
    open_link_options(page)
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Revoke link 1").click()
    expect(page.locator("#links")).to_contain_text("Link 1 Valid until")
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Revoke link 1").click()
    expect(page.locator("#links")).to_contain_text("Link 1 Revoked")
    expect(page.locator("#announcer")).to_contain_text("Link 1 Revoked")
    expect(page.locator("#links")).to_be_focused()
    assert console_errors == []
    receiver.goto(link)
    expect(receiver.get_by_role("heading", name="Link revoked")).to_be_visible()
    expect(receiver.get_by_role("link", name="Make your own background")).to_be_visible()
    console_errors.clear()  # the browser logs the 410


def test_links_are_made_extended_and_revoked_without_script(
    page_without_script: Page, result_url: str
) -> None:
    page = page_without_script
    page.goto(result_url)
    make_link(page, max_uses="5", password=PASSWORD)
    assert page.url.endswith("#links")
    expect(page.get_by_role("button", name="Copy link 1")).to_be_hidden()
    before = newest_link().expires_at
    open_link_options(page)
    page.get_by_role("button", name="Extend link 1").click()
    expect(page.locator("#links")).to_contain_text("5 of 5 downloads left")
    assert newest_link().expires_at == pytest.approx(before + 86400)
    open_link_options(page)
    page.get_by_role("button", name="Revoke link 1").click()
    expect(page.locator("#links")).to_contain_text("Link 1 Revoked")
