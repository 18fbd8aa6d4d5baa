"""Files that cannot be used: refused before the upload, after it, or when an upload is continued."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import REQUEST_ERRORS, expect_console_errors
from tests.support import clips
from tests.support.error_messages import (
    MakeClip,
    assert_no_horizontal_overflow,
    expect_error,
)
from tests.support.seeded_app import SeededApp
from tests.support.upload_page import wait_for_upload

pytestmark = pytest.mark.browser

MAX_UPLOAD_MB = 3
TUS_HEADERS = {"Tus-Resumable": "1.0.0"}


@pytest.fixture(scope="module")
def seeded_app_settings() -> dict[str, str]:
    return {"max_upload_mb": str(MAX_UPLOAD_MB), "max_queue": "1000"}


def open_unfinished_upload(page: Page, app: SeededApp, clip: Path) -> str:
    """Upload the first half of a clip, open its page, and return its URL."""
    content = clip.read_bytes()
    headers = TUS_HEADERS | {"Upload-Length": str(len(content))}
    created = page.request.post(f"{app.url}/uploads/resumable/", headers=headers)
    url = f"{app.url}{created.headers['location']}"
    chunk_headers = TUS_HEADERS | {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    assert page.request.patch(url, headers=chunk_headers, data=content[: len(content) // 2]).status == 204
    page.goto(f"{app.url}{created.json()['url']}")
    return url


def test_wrong_file_is_refused_before_upload(phone: Page, seeded_app: SeededApp, tmp_path: Path) -> None:
    phone.goto(seeded_app.url)
    methods: list[str] = []
    phone.on("request", lambda request: methods.append(request.method))
    for name, content, text in [
        ("notes.txt", b"no video", "isn’t a supported video"),
        ("empty.mp4", b"", "is empty"),
        ("large.mp4", bytes(4_000_000), "large.mp4 is 4 MB. The limit is 3 MB."),
    ]:
        path = tmp_path / name
        path.write_bytes(content)
        phone.set_input_files("#video", path)
        expect_error(phone, text)
        assert_no_horizontal_overflow(phone)
        assert set(methods) <= {"GET"}
        expect(phone.locator(".drop-prompt")).to_be_visible()
    phone.set_input_files("#video", seeded_app.clip)
    wait_for_upload(phone)


def test_error_stands_directly_below_the_drop_area(page: Page, seeded_app: SeededApp) -> None:
    page.goto(seeded_app.url)
    page.set_input_files("#video", {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"words"})
    expect_error(page, "notes.txt")
    notice, frame = page.locator("#error").bounding_box(), page.locator(".start-frame").bounding_box()
    assert notice
    assert frame
    assert notice["x"] == frame["x"]
    assert 0 < notice["y"] - frame["y"] - frame["height"] < 20


def make_text_file(folder: Path) -> Path:
    path = folder / "fake.mp4"
    path.write_text("no video" * 100)
    return path


def make_truncated_clip(folder: Path) -> Path:
    """Make a clip without its index, which is at the end, as in an interrupted download."""
    path = clips.make_clip(folder / "cut.mp4", seconds=2, size="160x90")
    path.write_bytes(path.read_bytes()[:-3000])
    return path


def make_audio_file(folder: Path) -> Path:
    return clips.make_audio(folder / "sound.mp4")


@pytest.mark.parametrize(
    ("make_clip", "text"),
    [
        (make_text_file, "fake.mp4: We can’t read this file as a video"),
        (make_truncated_clip, "cut.mp4: We can’t read this file as a video"),
        (make_audio_file, "This file contains no video"),
    ],
)
def test_unreadable_video_leads_back_to_start_page(
    page: Page,
    seeded_app: SeededApp,
    tmp_path: Path,
    console_errors: list[str],
    make_clip: MakeClip,
    text: str,
) -> None:
    page.goto(f"{seeded_app.url}/?darken=20")
    page.set_input_files("#video", make_clip(tmp_path))
    expect_error(page, text)
    expect(page.get_by_text("Drop a video here")).to_be_visible()
    expect(page).to_have_url(f"{seeded_app.url}/?darken=20")
    page.reload()
    expect(page.get_by_text(text)).to_be_hidden()
    page.set_input_files("#video", seeded_app.clip)
    wait_for_upload(page)
    expect(page.get_by_role("slider", name="Darken")).to_have_value("20")
    expect_console_errors(console_errors, *REQUEST_ERRORS)


def test_different_file_of_same_size_does_not_resume_upload(
    page: Page, seeded_app: SeededApp, clip: Path, tmp_path: Path
) -> None:
    open_unfinished_upload(page, seeded_app, clip)
    other = tmp_path / "other.mp4"
    other.write_bytes(clip.read_bytes()[:-9000][::-1] + bytes(9000))
    page.set_input_files("#video", other)
    expect_error(page, "other.mp4 has the same size as the file you started with, but its content differs")
    expect(page.get_by_role("link", name="Use another video")).to_be_visible()
    page.set_input_files("#video", clip)
    wait_for_upload(page)


def test_deleted_unfinished_upload_starts_again(
    page: Page, seeded_app: SeededApp, clip: Path, console_errors: list[str]
) -> None:
    url = open_unfinished_upload(page, seeded_app, clip)
    assert page.request.delete(url, headers=TUS_HEADERS).status == 204
    page.set_input_files("#video", clip)
    wait_for_upload(page)
    assert url.rsplit("/", 1)[1] not in page.url
    expect_console_errors(console_errors, *REQUEST_ERRORS)
