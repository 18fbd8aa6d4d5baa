"""Sharing: the links' maker makes and changes them, and whoever gets one finds the way to the file."""

import re
from pathlib import Path
from typing import Any

import pytest
import segno
from playwright.sync_api import Locator, Page, expect

from chromi.db import Link
from tests.e2e.conftest import COLOR_SCHEMES, OpenPage
from tests.support.page_helpers import NOTE_WORDS
from tests.support.seeded_app import House
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser

PASSWORD = "olé, four words"
WIDTHS = (360, 768, 1440)


@pytest.fixture
def result_url(house: House) -> str:
    """The page of a finished background that nobody has shared yet."""
    return house.page_of(house.result())


@pytest.fixture
def receiver(open_page: OpenPage) -> Page:
    """Somebody else's browser."""
    return open_page(width=390)


def make_link(page: Page, **options: str) -> Locator:
    """Fill in the form and give the new link's field."""
    known = page.locator("#links li").count()
    if "expires" in options:
        page.get_by_label("Works for").select_option(options["expires"])
    if "max_uses" in options:
        page.get_by_label("How many downloads").fill(options["max_uses"])
    if "password" in options:
        page.get_by_label("Password, if you want one").fill(options["password"])
    page.get_by_role("button", name="Make a link").click()
    field = page.get_by_label(f"Link {known + 1}", exact=True)
    expect(field).to_be_visible()
    return field


def newest_link() -> Any:
    """The row of the link that was made last."""
    return Link.select().where(Link.shared).order_by(Link.created_at.desc()).get()


def row(page: Page, number: int = 1) -> Locator:
    return page.locator("#links li").filter(has=page.get_by_label(f"Link {number}", exact=True))


def open_row(page: Page) -> None:
    """Unfold how the link is changed."""
    row(page).get_by_text("Extend or revoke").click()


def download(page: Page, folder: Path, *, is_counted: bool = False) -> bytes:
    with page.expect_download() as waiting:
        page.get_by_role("button" if is_counted else "link", name="Download", exact=True).click()
    assert waiting.value.suggested_filename == "chromi_background.gif"
    waiting.value.save_as(folder / "got.gif")
    return (folder / "got.gif").read_bytes()


# -- making ------------------------------------------------------------------------------------------------


MADE = [
    ({}, "Not downloaded yet"),
    ({"max_uses": "1"}, "One download"),
    ({"max_uses": "10", "expires": "7d"}, "10 of 10 downloads left"),
    ({"password": PASSWORD}, "With a password"),
]


def test_a_link_is_made_with_each_option(page: Page, result_url: str) -> None:
    page.goto(result_url)
    for number, (options, sentence) in enumerate(MADE, start=1):
        field = make_link(page, **options)
        expect(field).to_have_value(re.compile(r"^http://.+/download/.+/$"))
        expect(row(page, number)).to_contain_text("Works until")
        expect(row(page, number)).to_contain_text(sentence)
        expect(page.locator("#announcer")).to_contain_text(f"Link {number} Works until")
        expect(page.get_by_label("How many downloads")).to_have_value("")
        expect(page.get_by_label("Password, if you want one")).to_have_value("")
    page.reload()
    for number, (_, sentence) in enumerate(MADE, start=1):
        expect(row(page, number)).to_contain_text(sentence)


def test_the_browser_refuses_what_the_server_would(page: Page, result_url: str) -> None:
    page.goto(result_url)
    page.get_by_label("How many downloads").fill("500")
    page.get_by_role("button", name="Make a link").click()
    page.get_by_label("How many downloads").fill("5")
    page.get_by_label("Password, if you want one").fill("abc")
    page.get_by_role("button", name="Make a link").click()
    expect(page.get_by_label("Password, if you want one")).to_be_focused()
    assert page.locator("#links li").count() == 0


def test_a_password_can_be_looked_at_before_it_is_told(page: Page, result_url: str) -> None:
    page.goto(result_url)
    field, show = page.get_by_label("Password, if you want one"), page.get_by_role("button", name="Show")
    expect(field).to_have_attribute("type", "password")
    show.click()
    expect(field).to_have_attribute("type", "text")
    expect(show).to_have_attribute("aria-pressed", "true")
    show.click()
    expect(field).to_have_attribute("type", "password")


# -- handing on --------------------------------------------------------------------------------------------


def test_a_link_is_copied(page: Page, result_url: str) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(result_url)
    field = make_link(page)
    button = page.get_by_role("button", name="Copy link 1")
    button.evaluate(NOTE_WORDS)
    button.click()
    wait_for(lambda: page.evaluate("told") == ["Copied", "Copy"], "the button to say so for a moment")
    expect(page.locator("#announcer")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == field.input_value()


def test_without_a_clipboard_the_link_is_selected(open_page: OpenPage, result_url: str) -> None:
    page = open_page()
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.goto(result_url)
    field = make_link(page)
    page.get_by_role("button", name="Copy link 1").click()
    assert page.evaluate("getSelection().toString()") == field.input_value()
    expect(page.locator("#announcer")).to_have_text("Selected: copy it now")


def test_the_share_sheet_is_offered_only_where_there_is_one(open_page: OpenPage, result_url: str) -> None:
    page = open_page()
    page.add_init_script("delete Navigator.prototype.share")
    page.goto(result_url)
    field = make_link(page)
    expect(page.get_by_role("button", name="Share link 1")).to_be_hidden()
    page.add_init_script("navigator.share = async (what) => { window.shared = what; }")
    page.reload()
    page.get_by_role("button", name="Share link 1").click()
    assert page.evaluate("shared.url") == field.input_value()
    assert page.evaluate("shared.title")


READ_MODULES = """(image, size) => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size * 4;
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  const isDark = (x, y) => data[((y * 4 + 2) * canvas.width + x * 4 + 2) * 4] < 128;
  return Array.from({ length: size }, (_, y) => Array.from({ length: size }, (_, x) => Number(isDark(x, y))));
}"""


def test_the_qr_code_that_is_drawn_is_the_links_address(page: Page, result_url: str) -> None:
    page.goto(result_url)
    field = make_link(page)
    page.get_by_text("QR code").click()
    image = page.get_by_role("img", name="QR code with the address of link 1")
    expect(image).to_be_visible()
    expect(image).not_to_have_js_property("naturalWidth", 0)
    code = segno.make(field.input_value(), error="m", micro=False)
    expected = [list(row) for row in code.matrix_iter(border=4)]
    assert image.evaluate(READ_MODULES, len(expected)) == expected


# -- changing ----------------------------------------------------------------------------------------------


def test_a_link_is_extended_and_the_focus_stays(page: Page, result_url: str) -> None:
    page.goto(result_url)
    make_link(page, expires="1h")
    before = newest_link().expires_at
    open_row(page)
    page.get_by_label("How much longer link 1 works").select_option("7d")
    button = page.get_by_role("button", name="Extend link 1")
    button.focus()
    with page.expect_response("**/extend"):
        page.keyboard.press("Enter")
    expect(page.locator("#links")).to_have_attribute("data-change", "extended")
    expect(button).to_be_focused()
    assert newest_link().expires_at == pytest.approx(before + 7 * 86400)
    expect(page.locator("#announcer")).to_contain_text("Link 1 Works until")


def test_a_link_is_revoked(page: Page, receiver: Page, result_url: str, complaints: list[str]) -> None:
    page.goto(result_url)
    link = make_link(page).input_value()
    receiver.goto(link)
    expect(receiver.get_by_role("heading", name="A background for you")).to_be_visible()
    open_row(page)
    page.get_by_role("button", name="Revoke link 1").click()
    expect(page.locator("#links")).to_contain_text("Link 1 Revoked")
    expect(page.locator("#announcer")).to_contain_text("Link 1 Revoked")
    expect(page.locator("#links")).to_be_focused()
    assert complaints == []
    receiver.goto(link)
    expect(receiver.get_by_role("heading", name="This link was taken back")).to_be_visible()
    expect(receiver.get_by_role("link", name="Make a new background")).to_be_visible()
    complaints.clear()  # the browser notes the 410


def test_links_are_made_and_changed_by_the_keyboard_alone(page: Page, result_url: str) -> None:
    page.goto(result_url)
    page.get_by_label("Works for").focus()
    page.keyboard.press("Tab")
    page.keyboard.type("5")
    page.keyboard.press("Tab")
    page.keyboard.type("four words")
    page.keyboard.press("Enter")
    field = page.get_by_label("Link 1", exact=True)
    expect(field).to_be_visible()
    for name in ("Show", "Make a link"):
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name=name)).to_be_focused()
    page.keyboard.press("Tab")
    expect(field).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Copy link 1")).to_be_focused()
    page.locator("#links summary").last.focus()
    page.keyboard.press("Enter")
    for _ in range(3):
        page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Revoke link 1")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#links")).to_contain_text("Link 1 Revoked")


def test_without_script_links_are_made_extended_and_revoked(scriptless_page: Page, result_url: str) -> None:
    page = scriptless_page
    page.goto(result_url)
    make_link(page, max_uses="5", password=PASSWORD)
    assert page.url.endswith("#links")
    expect(page.get_by_role("button", name="Copy link 1")).to_be_hidden()
    before = newest_link().expires_at
    open_row(page)
    page.get_by_role("button", name="Extend link 1").click()
    expect(page.locator("#links")).to_contain_text("5 of 5 downloads left")
    assert newest_link().expires_at == pytest.approx(before + 86400)
    open_row(page)
    page.get_by_role("button", name="Revoke link 1").click()
    expect(page.locator("#links")).to_contain_text("Link 1 Revoked")


# -- receiving ---------------------------------------------------------------------------------------------


def test_the_receiver_sees_a_still_and_downloads(
    page: Page, receiver: Page, result_url: str, tmp_path: Path
) -> None:
    page.goto(result_url)
    link = make_link(page, max_uses="5").input_value()
    asked: list[str] = []
    receiver.on("request", lambda request: asked.append(request.url))
    receiver.goto(link)
    expect(receiver.locator(".stage img")).to_have_js_property("naturalWidth", 1280)
    expect(receiver.get_by_text("works for 5 more downloads")).to_be_visible()
    assert [url for url in asked if "/download/" in url] == [link, f"{link}still.jpg"]
    assert newest_link().uses == 0
    assert download(receiver, tmp_path, is_counted=True)[:6] == b"GIF89a"
    wait_for(lambda: newest_link().uses == 1, "the download to count")
    page.reload()
    expect(page.locator("#links")).to_contain_text("4 of 5 downloads left")


def test_the_receiver_downloads_by_the_keyboard_without_script_or_cookies(
    scriptless_page: Page, house: House, tmp_path: Path
) -> None:
    page, job = scriptless_page, house.result()
    page.goto(house.share(job, max_uses=1))
    button = page.get_by_role("button", name="Download", exact=True)
    button.focus()
    with page.expect_download() as waiting:
        page.keyboard.press("Enter")
    waiting.value.save_as(tmp_path / "got.gif")
    assert (tmp_path / "got.gif").read_bytes() == house.storage.result_path(job.id).read_bytes()
    assert page.context.cookies() == []
    wait_for(lambda: newest_link().uses == 1, "the download to count")
    button.click()
    expect(page.get_by_role("heading", name="This link has been used")).to_be_visible()


def test_a_program_that_opens_all_that_the_page_names_uses_nothing_up(page: Page, house: House) -> None:
    """In a browser, as some programs preview links: by what they load, prefetch and navigate to."""
    link = house.share(house.result(), max_uses=1)
    page.goto(link)
    named = page.evaluate(
        """() => [...document.querySelectorAll("[href], [src], [action], meta[content]")]
          .map((each) => each.href || each.src || each.action || each.content)
          .filter((address) => address.startsWith(location.origin))"""
    )
    assert link in named
    for address in named:
        page.evaluate("address => fetch(address).then((answer) => answer.arrayBuffer())", address)
    assert (newest_link().uses, newest_link().active_downloads) == (0, 0)


def test_the_password_opens_the_way(
    page: Page, receiver: Page, result_url: str, tmp_path: Path, complaints: list[str]
) -> None:
    page.goto(result_url)
    link = make_link(page, password=PASSWORD, max_uses="1").input_value()
    receiver.goto(link)
    field = receiver.get_by_label("Password for this link")
    expect(field).to_be_visible()
    assert receiver.locator(".stage img").count() == 0
    assert complaints == []

    field.fill("a guess")
    field.press("Enter")
    expect(receiver.get_by_role("alert")).to_contain_text("not the password")
    expect(field).to_be_focused()
    assert all("403" in complaint for complaint in complaints)
    complaints.clear()

    field.fill(PASSWORD)
    receiver.get_by_role("button", name="Show the background").click()
    expect(receiver.get_by_role("button", name="Download", exact=True)).to_be_visible()
    assert receiver.url == link, "nothing of the password or the grant stands in the address"
    expect(receiver.locator(".stage img")).to_have_js_property("naturalWidth", 1280)

    cookies = receiver.context.cookies()
    receiver.context.clear_cookies()
    receiver.get_by_role("button", name="Download", exact=True).click()
    expect(receiver.get_by_text("It has been a while")).to_be_visible()
    assert all("401" in complaint for complaint in complaints)
    complaints.clear()
    receiver.context.add_cookies(cookies)  # type: ignore[arg-type]
    receiver.goto(link)
    assert download(receiver, tmp_path, is_counted=True)[:6] == b"GIF89a"
    wait_for(lambda: newest_link().uses == 1, "the download to count")


def test_the_password_is_taken_without_script(scriptless_page: Page, result_url: str) -> None:
    page = scriptless_page
    page.goto(result_url)
    link = make_link(page, password=PASSWORD).input_value()
    page.goto(link)
    page.get_by_label("Password for this link").fill(PASSWORD)
    page.get_by_role("button", name="Show the background").click()
    expect(page.get_by_role("link", name="Download", exact=True)).to_be_visible()


# -- how it looks ------------------------------------------------------------------------------------------


CONTROLS = ":is(#share, #unlock, .below) :is(.button, summary, select, input):visible"
LOW_ONES = """found => found.filter((each) => each.getBoundingClientRect().height < 43.5)
  .map((each) => each.outerHTML)"""


def test_nothing_sticks_out_and_every_target_is_large_enough(open_page: OpenPage, result_url: str) -> None:
    page = open_page()
    page.add_init_script("navigator.share = async () => {}")
    page.goto(result_url)
    make_link(page, max_uses="5", password=PASSWORD)
    link = make_link(page).input_value()
    page.evaluate("document.querySelectorAll('#share details').forEach((each) => { each.open = true; })")
    for address in (result_url, link):
        if page.url != address:
            page.goto(address)
        for width in (320, *WIDTHS):
            page.set_viewport_size({"width": width, "height": 800})
            for scheme in COLOR_SCHEMES:
                page.emulate_media(color_scheme=scheme)
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
                assert page.locator(CONTROLS).evaluate_all(LOW_ONES) == []
