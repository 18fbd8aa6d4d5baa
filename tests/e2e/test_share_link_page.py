"""The page of a share link, as its recipient sees it."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import REQUEST_ERRORS, OpenPage, expect_console_errors
from tests.support.seeded_app import SeededApp
from tests.support.share_link_page import PASSWORD, download, make_link, newest_link
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser


def test_recipient_sees_still_image_and_downloads_gif(
    page: Page, receiver: Page, result_url: str, tmp_path: Path
) -> None:
    page.goto(result_url)
    link = make_link(page, max_uses="5").input_value()
    requested: list[str] = []
    receiver.on("request", lambda request: requested.append(request.url))
    receiver.goto(link)
    expect(receiver.locator(".media-frame img")).to_have_js_property("naturalWidth", 1280)
    expect(receiver.get_by_text("5 downloads left")).to_be_visible()
    assert [url for url in requested if "/download/" in url] == [link, f"{link}still.jpg"]
    assert newest_link().uses == 0
    assert download(receiver, tmp_path, is_counted=True)[:6] == b"GIF89a"
    wait_for(lambda: newest_link().uses == 1, "the download to count")
    expect(receiver.get_by_text("4 downloads left")).to_be_visible()
    page.reload()
    expect(page.locator("#links")).to_contain_text("4 of 5 downloads left")


def test_recipient_on_a_phone_copies_the_link(open_page: OpenPage, seeded_app: SeededApp) -> None:
    phone = open_page(width=360, has_touch=True, is_mobile=True)
    phone.context.grant_permissions(["clipboard-read", "clipboard-write"])
    link = seeded_app.create_share_link(seeded_app.create_result())
    phone.goto(link)
    phone.get_by_role("button", name="Copy").click()
    expect(phone.get_by_role("button", name="Copied")).to_be_visible()
    assert phone.evaluate("navigator.clipboard.readText()") == link


def test_last_download_leaves_a_page_without_download_button_and_link(
    open_page: OpenPage, seeded_app: SeededApp, tmp_path: Path, console_errors: list[str]
) -> None:
    page = open_page(width=360, has_touch=True, is_mobile=True)
    page.goto(seeded_app.create_share_link(seeded_app.create_result(), max_uses=1))
    expect(page.get_by_text("One download left")).to_be_visible()
    expect(page.get_by_text("Send yourself this link")).to_be_visible()
    download(page, tmp_path, is_counted=True)
    expect(page.get_by_text("Downloaded. This link has no downloads left.")).to_be_visible()
    expect(page.get_by_role("button", name="Download", exact=True)).to_be_hidden()
    expect(page.get_by_text("One download left")).to_be_hidden()
    expect(page.locator(".key-figures")).to_be_hidden()
    expect(page.get_by_text("Send yourself this link")).to_be_hidden()
    expect_console_errors(console_errors, *REQUEST_ERRORS)  # the browser logs the 410


def test_recipient_downloads_by_keyboard_without_script_or_cookies(
    page_without_script: Page, seeded_app: SeededApp, tmp_path: Path
) -> None:
    page, job = page_without_script, seeded_app.create_result()
    page.goto(seeded_app.create_share_link(job, max_uses=1))
    button = page.get_by_role("button", name="Download", exact=True)
    button.focus()
    with page.expect_download() as pending:
        page.keyboard.press("Enter")
    pending.value.save_as(tmp_path / "downloaded.gif")
    original = seeded_app.storage.result_path(job.id).read_bytes()
    assert (tmp_path / "downloaded.gif").read_bytes() == original
    assert page.context.cookies() == []
    wait_for(lambda: newest_link().uses == 1, "the download to count")
    button.click()
    expect(page.get_by_role("heading", name="No downloads left")).to_be_visible()


def test_requesting_every_url_of_page_does_not_count_as_download(page: Page, seeded_app: SeededApp) -> None:
    """Some programs preview links in a browser: they request all that a page loads and links to."""
    link = seeded_app.create_share_link(seeded_app.create_result(), max_uses=1)
    page.goto(link)
    urls = page.evaluate(
        """() => [...document.querySelectorAll("[href], [src], [action], meta[content]")]
          .map((each) => each.href || each.src || each.action || each.content)
          .filter((url) => url.startsWith(location.origin))"""
    )
    assert link in urls
    for url in urls:
        page.evaluate("url => fetch(url).then((response) => response.arrayBuffer())", url)
    assert (newest_link().uses, newest_link().active_downloads) == (0, 0)


def test_password_unlocks_page(
    page: Page, receiver: Page, result_url: str, tmp_path: Path, console_errors: list[str]
) -> None:
    page.goto(result_url)
    link = make_link(page, password=PASSWORD, max_uses="1").input_value()
    receiver.goto(link)
    field = receiver.get_by_label("Password for this link")
    expect(field).to_be_visible()
    assert receiver.locator(".media-frame img").count() == 0
    assert console_errors == []

    field.fill("a guess")
    field.press("Enter")
    expect(receiver.get_by_role("alert")).to_contain_text("Wrong password")
    expect(receiver.get_by_text("Ask the sender for the password.")).to_be_visible()
    expect(field).to_be_focused()
    assert all("403" in error for error in console_errors)
    console_errors.clear()

    field.fill(PASSWORD)
    receiver.get_by_role("button", name="View background").click()
    expect(receiver.get_by_role("button", name="Download", exact=True)).to_be_visible()
    assert receiver.url == link, "the URL contains neither the password nor the grant"
    expect(receiver.locator(".media-frame img")).to_have_js_property("naturalWidth", 1280)

    receiver.context.clear_cookies()
    receiver.get_by_role("button", name="Download", exact=True).click()
    expect(receiver.get_by_text("Please enter the password again")).to_be_visible()
    assert all("401" in error for error in console_errors)
    console_errors.clear()
    assert receiver.evaluate("document.documentElement.scrollWidth <= innerWidth")
    field.fill(PASSWORD)
    field.press("Enter")
    expect(receiver.get_by_role("button", name="Download", exact=True)).to_be_visible()
    assert download(receiver, tmp_path, is_counted=True)[:6] == b"GIF89a"
    wait_for(lambda: newest_link().uses == 1, "the download to count")


def test_password_unlocks_page_without_script(page_without_script: Page, result_url: str) -> None:
    page = page_without_script
    page.goto(result_url)
    link = make_link(page, password=PASSWORD).input_value()
    page.goto(link)
    page.get_by_label("Password for this link").fill(PASSWORD)
    page.get_by_role("button", name="View background").click()
    expect(page.get_by_role("link", name="Download", exact=True)).to_be_visible()
