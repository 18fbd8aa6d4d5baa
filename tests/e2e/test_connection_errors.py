"""Actions fail because the service is unreachable or its queue is full, and are then repeated."""

import pytest
from playwright.sync_api import Page, expect

from chromi.db import Job, State
from tests.e2e.conftest import REQUEST_ERRORS, expect_console_errors
from tests.support.error_messages import (
    TIMEOUT_MS,
    assert_no_horizontal_overflow,
    error_notice,
    expect_error,
    make_button,
    open_studio_page,
    press_try_again,
    url_through,
)
from tests.support.flaky_proxy import FlakyProxy
from tests.support.seeded_app import SeededApp

pytestmark = pytest.mark.browser

MAX_QUEUE = 6


@pytest.fixture(scope="module")
def seeded_app_settings() -> dict[str, str]:
    return {"max_queue": str(MAX_QUEUE)}


@pytest.fixture(autouse=True)
def empty_queue(seeded_app: SeededApp) -> None:
    delete_queued_jobs()


def delete_queued_jobs() -> None:
    Job.delete().where(Job.state == State.QUEUED).execute()


def test_make_background_is_repeated_after_lost_connection(
    page: Page, seeded_app: SeededApp, proxy: FlakyProxy, console_errors: list[str]
) -> None:
    open_studio_page(page, url_through(proxy, seeded_app.create_upload()))
    proxy.disconnect()
    page.get_by_role("radio", name="Crossfade").check()
    make_button(page).click()
    expect_error(page, "The connection was lost")
    proxy.reconnect()
    press_try_again(page)
    page.wait_for_url("**/jobs/*/", timeout=TIMEOUT_MS)
    job = page.request.get(page.url, headers={"Accept": "application/json"}).json()
    assert job["recipe"]["loop"] == "crossfade"
    expect_console_errors(console_errors, *REQUEST_ERRORS)


def test_phone_without_network_shows_error_at_pressed_button(
    phone: Page, seeded_app: SeededApp, console_errors: list[str]
) -> None:
    open_studio_page(phone, seeded_app.create_upload())
    phone.context.set_offline(True)
    make_button(phone).click()
    expect_error(phone, "The connection was lost")
    expect(phone.locator(".action-bar #error")).to_be_visible()
    assert_no_horizontal_overflow(phone)
    phone.context.set_offline(False)
    press_try_again(phone)
    phone.wait_for_url("**/jobs/*/", timeout=TIMEOUT_MS)
    expect_console_errors(console_errors, *REQUEST_ERRORS)


def test_share_link_is_made_after_lost_connection(
    page: Page, seeded_app: SeededApp, proxy: FlakyProxy, console_errors: list[str]
) -> None:
    page.goto(url_through(proxy, seeded_app.job_url(seeded_app.create_result())))
    expiry = page.get_by_text("Available until").text_content()
    proxy.disconnect()
    page.get_by_label("Valid for").select_option("7d")
    page.get_by_role("button", name="Create link").click()
    expect_error(page, "The connection was lost")
    expect(page.locator("#share #error")).to_be_visible()
    proxy.reconnect()
    press_try_again(page)
    expect(page.get_by_label("Link 1", exact=True)).to_be_visible()
    expect(error_notice(page)).to_be_hidden()
    expect(page.get_by_role("button", name="Create link")).to_be_focused()
    expect(page.get_by_text("Available until")).not_to_have_text(str(expiry))
    expect_console_errors(console_errors, *REQUEST_ERRORS)


def test_full_queue_is_reported_and_form_can_be_sent_again(
    phone: Page, seeded_app: SeededApp, console_errors: list[str]
) -> None:
    for _ in range(MAX_QUEUE):
        seeded_app.create_job()
    with phone.expect_response("**/estimates/") as estimate:
        open_studio_page(phone, seeded_app.create_upload())
    assert estimate.value.status == 503
    expect(phone.get_by_role("button", name="Estimate file sizes")).to_be_visible()
    expect(error_notice(phone)).to_be_hidden()
    phone.get_by_role("radio", name="Best").check()
    # "Try again" must repeat the press of the button, not the automatic estimate that follows it.
    with phone.expect_response("**/estimates/"):
        phone.get_by_role("radio", name="Crossfade").check()
        make_button(phone).click()
    expect_error(phone, "The queue is full")
    assert_no_horizontal_overflow(phone)
    delete_queued_jobs()
    press_try_again(phone)
    phone.wait_for_url("**/jobs/*/", timeout=TIMEOUT_MS)
    job = phone.request.get(phone.url, headers={"Accept": "application/json"}).json()
    assert job["recipe"]["quality"] == "best"
    expect_console_errors(console_errors, *REQUEST_ERRORS)


@pytest.mark.parametrize("device", ["mouse", "keyboard"])
def test_button_held_during_poll_is_still_pressed(page: Page, seeded_app: SeededApp, device: str) -> None:
    page.goto(seeded_app.create_job())
    button = page.get_by_role("button", name="Cancel")
    button.hover()
    button.focus()
    press = {"mouse": page.mouse.down, "keyboard": lambda: page.keyboard.down("Space")}
    release = {"mouse": page.mouse.up, "keyboard": lambda: page.keyboard.up("Space")}
    press[device]()
    for _ in range(2):  # the first response has been swapped in by the time of the second
        with page.expect_response("**/status"):
            pass
    release[device]()
    expect(page.get_by_role("heading", level=1)).to_have_text("Canceled")
