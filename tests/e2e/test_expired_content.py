"""Clips, links and grants that the server deleted or ended while a page was open."""

import re
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from chromi.db import Job, State, Upload
from chromi.encoder import ConversionOptions
from chromi.encoder.encoder_errors import EncodeError
from tests.e2e.conftest import REQUEST_ERRORS, expect_console_errors
from tests.support.error_messages import (
    TIMEOUT_MS,
    assert_no_horizontal_overflow,
    error_notice,
    expect_error,
    make_button,
    open_studio_page,
)
from tests.support.page_helpers import block_analyses, hold_request
from tests.support.seeded_app import SeededApp
from tests.support.upload_page import upload_progress, wait_for_upload

pytestmark = pytest.mark.browser


def delete_upload(url: str) -> None:
    """Delete the upload at this URL, as the cleanup does."""
    upload_id = urlsplit(url).path.split("/")[2]
    Job.delete().where(Job.upload == upload_id).execute()
    Upload.delete().where(Upload.id == upload_id).execute()


def test_deleted_clip_is_reported_and_settings_are_kept(
    page: Page, seeded_app: SeededApp, clip: Path, console_errors: list[str]
) -> None:
    url = seeded_app.create_upload()
    open_studio_page(page, f"{url}?loop=crossfade")
    delete_upload(url)
    make_button(page).click()
    expect_error(page, "We delete videos that haven’t been used for a while")
    error_notice(page).get_by_role("link", name="Choose a video").click()
    expect(page.get_by_text("Drop a video anywhere on this page")).to_be_visible()
    page.set_input_files("#video", clip)
    wait_for_upload(page)
    expect(page.get_by_role("radio", name="Crossfade")).to_be_checked()
    expect_console_errors(console_errors, *REQUEST_ERRORS)


def test_deleted_clip_is_uploaded_again_from_local_file(
    page: Page, seeded_app: SeededApp, clip: Path, console_errors: list[str]
) -> None:
    block_analyses(page)  # they would show that the clip is gone before the click does
    page.goto(seeded_app.url)
    page.set_input_files("#video", clip)
    wait_for_upload(page)
    first_url = page.url
    delete_upload(first_url)
    make_button(page).click()
    message = upload_progress(page).get_by_text("Your video expired")
    expect(message).to_be_in_viewport()
    expect(page.locator("#announcer")).to_contain_text("Your video expired")
    limit = page.get_by_label("Maximum size in MB")
    page.get_by_text("More options").click()
    page.get_by_label("Show Chrome’s new tab page").check()
    with hold_request(page, re.compile(r"/uploads/[0-9a-f]{32}/(\?.*)?$")):
        page.get_by_role("button", name="Upload again").click()
        limit.fill("7")
    page.wait_for_url(lambda url: url != first_url and "/uploads/" in url)
    expect(limit).to_have_value("7")
    expect(limit).to_be_focused()
    expect(page.locator("[data-part=new_tab_overlay]")).to_be_visible()
    wait_for_upload(page)
    make_button(page).click()
    page.wait_for_url("**/jobs/*/", timeout=TIMEOUT_MS)
    expect_console_errors(console_errors, *REQUEST_ERRORS)


def test_used_up_share_link_says_why_and_leads_to_start_page(
    page: Page, seeded_app: SeededApp, console_errors: list[str]
) -> None:
    page.goto(seeded_app.create_share_link(seeded_app.create_result(), max_uses=1, uses=1))
    expect(page.get_by_role("heading", name="No downloads left")).to_be_visible()
    page.get_by_role("link", name="Make your own background").click()
    expect(page.get_by_text("Drop a video here")).to_be_visible()
    expect_console_errors(console_errors, *REQUEST_ERRORS)


def test_failed_job_leads_back_to_clip_and_start(phone: Page, seeded_app: SeededApp) -> None:
    error = EncodeError()
    url = seeded_app.create_job(
        options_json=ConversionOptions(start_s=1.5).to_dict(),
        state=State.FAILED,
        error_code=error.code,
        error_message=error.user_message,
        finished_at=time.time(),
    )
    phone.goto(url)
    expect(phone.get_by_text(error.user_message)).to_be_visible()
    assert_no_horizontal_overflow(phone)
    phone.get_by_role("link", name="Edit").click()
    expect(phone.get_by_label("Start time")).to_have_value("0:01.5")
