"""Whatever goes wrong is said in a kind sentence where the eye is, and there is a way on."""

import re
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from chromi.db import Job, State, Upload
from chromi.encoder import ConversionOptions
from chromi.encoder.encoder_errors import EncodeError
from chromi.web.limits.passwords import hash_password
from tests.support import clips
from tests.support.flaky_proxy import Relay
from tests.support.page_helpers import held
from tests.support.seeded_app import House

pytestmark = pytest.mark.browser

PATIENCE_MS = 60_000
MAX_QUEUE = 6
MAX_MB = 3
TUS = {"Tus-Resumable": "1.0.0"}


@pytest.fixture(scope="module")
def house_settings() -> dict[str, str]:
    """One that takes little."""
    return {"max_upload_mb": str(MAX_MB), "max_queue": str(MAX_QUEUE)}


@pytest.fixture(autouse=True)
def no_job_waits(house: House) -> None:
    empty_the_queue()


def empty_the_queue() -> None:
    Job.delete().where(Job.state == State.QUEUED).execute()


def open_studio(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.get_by_role("button", name="Play the loop")).to_be_visible(timeout=PATIENCE_MS)


def through(relay: Relay, address: str) -> str:
    return f"{relay.url}{urlsplit(address).path}"


def id_of(address: str) -> str:
    return urlsplit(address).path.split("/")[2]


def begin(page: Page, house: House, clip: Path) -> str:
    """Upload the half of a clip, and open its page; gives the upload's address."""
    content = clip.read_bytes()
    create = f"{house.url}/uploads/resumable/"
    begun = page.request.post(create, headers=TUS | {"Upload-Length": str(len(content))})
    address = f"{house.url}{begun.headers['location']}"
    piece = TUS | {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    assert page.request.patch(address, headers=piece, data=content[: len(content) // 2]).status == 204
    page.goto(f"{house.url}{begun.json()['url']}")
    return address


def arrives(page: Page) -> None:
    bar = page.get_by_role("group", name="Upload")
    expect(bar.get_by_text("Your clip is uploaded.", exact=True)).to_be_visible(timeout=PATIENCE_MS)


def make_button(page: Page) -> Locator:
    return page.get_by_role("button", name="Make background")


def notice(page: Page) -> Locator:
    """The one sentence that is shown, announced as it appears."""
    return page.get_by_role("alert").locator("#error")


def says(page: Page, words: str) -> None:
    """What went wrong is said, and can be seen without scrolling."""
    expect(notice(page)).to_contain_text(words)
    expect(notice(page)).to_be_in_viewport(ratio=1)


def try_again(page: Page) -> None:
    notice(page).get_by_role("button", name="Try again").click()


def excuse(complaints: list[str]) -> None:
    """Browser and htmx note in the console what went wrong, and nothing else may be there."""
    assert complaints
    known = ("Failed to load resource", "Response Status Error Code", "htmx:")
    assert all(complaint.startswith(known) for complaint in complaints), complaints
    complaints.clear()


def forget(upload_id: str) -> None:
    """Delete an upload as the sweep does once its time is over."""
    Job.delete().where(Job.upload == upload_id).execute()
    Upload.delete().where(Upload.id == upload_id).execute()


def fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


# -- a file that is none of ours ---------------------------------------------------------------------------


def test_a_wrong_file_is_refused_before_anything_is_sent(phone: Page, house: House, tmp_path: Path) -> None:
    phone.goto(house.url)
    sent: list[str] = []
    phone.on("request", lambda request: sent.append(request.method))
    for name, content, words in [
        ("notes.txt", b"no video", "is not a kind of video"),
        ("empty.mp4", b"", "is empty"),
        ("large.mp4", bytes(4_000_000), "has 4.0 MB; at most 3.0 MB"),
    ]:
        path = tmp_path / name
        path.write_bytes(content)
        phone.set_input_files("#video", path)
        says(phone, words)
        fits(phone)
        assert set(sent) <= {"GET"}
        expect(phone.get_by_text("Drop a video here")).to_be_visible()
    phone.set_input_files("#video", house.clip)
    arrives(phone)


def fake(folder: Path) -> Path:
    path = folder / "fake.mp4"
    path.write_text("no video" * 100)
    return path


def cut_short(folder: Path) -> Path:
    """As a download leaves it that broke off: the index, which comes last, is missing."""
    path = clips.make_clip(folder / "cut.mp4", seconds=2, size="160x90")
    path.write_bytes(path.read_bytes()[:-3000])
    return path


def only_sound(folder: Path) -> Path:
    return clips.make_audio(folder / "sound.mp4")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (fake, "This file is not a video that we can read"),
        (cut_short, "This file is not a video that we can read"),
        (only_sound, "no moving picture in this file"),
    ],
)
def test_what_only_looks_like_a_video_is_said_in_the_studio(
    page: Page, house: House, tmp_path: Path, complaints: list[str], make: object, words: str
) -> None:
    assert callable(make)
    page.goto(house.url)
    page.set_input_files("#video", make(tmp_path))
    says(page, words)
    expect(make_button(page)).to_be_disabled()
    expect(page.locator("[data-part=unsent]")).to_be_hidden()
    page.get_by_role("link", name="Choose another clip").click()
    expect(page.get_by_text("Drop a video here")).to_be_visible()
    excuse(complaints)


# -- an unfinished upload ----------------------------------------------------------------------------------


def test_another_file_of_the_same_size_is_not_mixed_in(
    page: Page, house: House, clip: Path, tmp_path: Path
) -> None:
    begin(page, house, clip)
    other = tmp_path / "other.mp4"
    other.write_bytes(clip.read_bytes()[:-9000][::-1] + bytes(9000))
    page.set_input_files("#video", other)
    says(page, "“other.mp4” is as large as the file you began with, but another one")
    expect(page.get_by_role("link", name="Start with another clip")).to_be_visible()
    page.set_input_files("#video", clip)
    arrives(page)


def test_what_was_deleted_meanwhile_is_sent_anew(
    page: Page, house: House, clip: Path, complaints: list[str]
) -> None:
    address = begin(page, house, clip)
    assert page.request.delete(address, headers=TUS).status == 204
    page.set_input_files("#video", clip)
    arrives(page)
    assert address.rsplit("/", 1)[1] not in page.url
    excuse(complaints)


# -- nonsense in the fields --------------------------------------------------------------------------------


def test_a_start_that_cannot_be_is_said_at_its_field(page: Page, house: House) -> None:
    open_studio(page, house.upload())
    start = page.get_by_label("Starts at")
    for typed, words, button in [
        ("tomorrow", "hours, minutes and seconds", "Make background"),
        ("0:75", "hours, minutes and seconds", "Find the best loop"),
        ("1:00", "Start at 0:02.0 or earlier", "Find the best loop"),
    ]:
        start.fill(typed)
        page.get_by_role("button", name=button).click()
        expect(start).to_be_focused()
        expect(start).to_have_value(typed)
        assert words in start.evaluate("field => field.validationMessage")
        assert "/uploads/" in page.url


def test_a_comma_is_a_decimal_sign_too(page: Page, house: House) -> None:
    open_studio(page, house.upload())
    page.get_by_label("Starts at").fill("0:01,5")
    expect(page.get_by_label("Your part of the clip")).to_have_value("1.5")


def test_a_wrong_number_is_shown_even_where_it_was_folded_away(page: Page, house: House) -> None:
    open_studio(page, house.upload())
    more = page.get_by_text("More options")
    for label, wrong, right in [("Length in seconds", "0", "6"), ("Speed", "99", "1")]:
        more.click()
        field = page.get_by_label(label)
        field.fill(wrong)
        more.click()
        expect(field).to_be_hidden()
        make_button(page).click()
        expect(field).to_be_focused()
        assert field.evaluate("field => field.validationMessage")
        field.fill(right)
        more.click()


def test_what_is_being_typed_stays_when_the_clips_length_arrives(page: Page, house: House) -> None:
    open_studio(page, house.upload())
    start = page.get_by_label("Starts at")
    start.click()
    start.fill("00:00:1")
    page.evaluate(
        """document.querySelector("#studio").dispatchEvent(
             new CustomEvent("chromi:uploaded", { detail: { info: { duration_s: 6.5, fps: 12 } } }))"""
    )
    expect(page.locator("[data-part=to]")).to_have_text("0:06.5")
    expect(start).to_have_value("00:00:1")
    expect(start).to_be_focused()


# -- nobody answers ----------------------------------------------------------------------------------------


def test_making_is_tried_again_when_the_service_was_gone(
    page: Page, house: House, relay: Relay, complaints: list[str]
) -> None:
    open_studio(page, through(relay, house.upload()))
    relay.shut()
    page.get_by_role("radio", name="Crossfade").check()
    make_button(page).click()
    says(page, "The connection broke")
    relay.reopen()
    try_again(page)
    page.wait_for_url("**/jobs/*/", timeout=PATIENCE_MS)
    job = page.request.get(page.url, headers={"Accept": "application/json"}).json()
    assert job["recipe"]["loop"] == "crossfade"
    excuse(complaints)


def test_a_phone_without_network_is_told_so(phone: Page, house: House, complaints: list[str]) -> None:
    open_studio(phone, house.upload())
    phone.context.set_offline(True)
    phone.get_by_role("button", name="Find the best loop").click()
    says(phone, "The connection broke")
    fits(phone)
    make_button(phone).click()
    says(phone, "The connection broke")
    expect(phone.locator(".make #error")).to_be_visible()
    fits(phone)
    phone.context.set_offline(False)
    try_again(phone)
    phone.wait_for_url("**/jobs/*/", timeout=PATIENCE_MS)
    excuse(complaints)


def test_a_link_is_made_when_the_service_is_back(
    page: Page, house: House, relay: Relay, complaints: list[str]
) -> None:
    page.goto(through(relay, house.page_of(house.result())))
    kept = page.get_by_text("Kept here until").text_content()
    relay.shut()
    page.get_by_label("Works for").select_option("7d")
    page.get_by_role("button", name="Make a link").click()
    says(page, "The connection broke")
    expect(page.locator("#share #error")).to_be_visible()
    relay.reopen()
    try_again(page)
    expect(page.get_by_label("Link 1", exact=True)).to_be_visible()
    expect(notice(page)).to_be_hidden()
    expect(page.get_by_role("button", name="Make a link")).to_be_focused()
    expect(page.get_by_text("Kept here until")).not_to_have_text(str(kept))
    excuse(complaints)


# -- what has been deleted meanwhile -----------------------------------------------------------------------


@pytest.mark.parametrize("button", ["Make background", "Find the best loop"])
def test_a_clip_that_was_deleted_under_the_page_is_chosen_again(
    page: Page, house: House, clip: Path, complaints: list[str], button: str
) -> None:
    address = house.upload()
    open_studio(page, f"{address}?loop=crossfade")
    forget(id_of(address))
    page.get_by_role("button", name=button).click()
    says(page, "clips are deleted soon after their last use")
    notice(page).get_by_role("link", name="Choose a clip").click()
    expect(page.get_by_text("Drop it anywhere on this page")).to_be_visible()
    page.set_input_files("#video", clip)
    arrives(page)
    expect(page.get_by_role("radio", name="Crossfade")).to_be_checked()
    excuse(complaints)


def test_a_clip_whose_file_is_at_hand_is_uploaded_again(
    page: Page, house: House, clip: Path, complaints: list[str]
) -> None:
    page.goto(house.url)
    page.set_input_files("#video", clip)
    arrives(page)
    first = page.url
    forget(id_of(first))
    make_button(page).click()
    bar = page.get_by_role("group", name="Upload")
    expect(bar.get_by_text("Your clip has been deleted here")).to_be_in_viewport()
    expect(page.locator("#announcer")).to_contain_text("Your clip has been deleted here")
    limit = page.get_by_label("Under", exact=True)
    with held(page, re.compile(r"/uploads/[0-9a-f]{32}/(\?.*)?$")):
        page.get_by_role("button", name="Upload it again").click()
        limit.fill("7")
    page.wait_for_url(lambda url: url != first and "/uploads/" in url)
    expect(limit).to_have_value("7")
    expect(limit).to_be_focused()
    arrives(page)
    make_button(page).click()
    page.wait_for_url("**/jobs/*/", timeout=PATIENCE_MS)
    excuse(complaints)


def test_a_password_that_was_given_long_ago_is_asked_for_again(phone: Page, house: House) -> None:
    phone.goto(house.share(house.result(), password_hash=hash_password("four words")))
    phone.get_by_label("Password for this link").fill("four words")
    phone.get_by_role("button", name="Show the background").click()
    expect(phone.get_by_role("link", name="Download")).to_be_visible()
    phone.context.clear_cookies()
    phone.get_by_role("link", name="Download").click()
    expect(phone.get_by_text("It has been a while")).to_be_visible()
    fits(phone)
    phone.get_by_label("Password for this link").fill("four words")
    phone.get_by_role("button", name="Show the background").click()
    expect(phone.get_by_role("link", name="Download")).to_be_visible()


@pytest.mark.parametrize(
    ("values", "title"),
    [
        ({"expires_at": 1.0}, "This link has ended"),
        ({"max_uses": 1, "uses": 1}, "This link has been used"),
        ({"revoked_at": 1.0}, "This link was taken back"),
        (None, "Nothing is here"),
    ],
)
def test_a_link_that_has_ended_says_how_and_leads_on(
    page: Page, house: House, complaints: list[str], values: dict[str, float] | None, title: str
) -> None:
    link = house.share(house.result(), **values or {})
    page.goto(link if values else re.sub(r"/download/.", "/download/x", link))
    expect(page.get_by_role("heading", name=title)).to_be_visible()
    page.get_by_role("link", name="Make a new background").click()
    expect(page.get_by_text("Drop a video here")).to_be_visible()
    excuse(complaints)


# -- the queue ---------------------------------------------------------------------------------------------


def test_a_full_queue_is_said_and_the_form_can_be_sent_again(
    phone: Page, house: House, complaints: list[str]
) -> None:
    for _ in range(MAX_QUEUE):
        house.job()
    with phone.expect_response("**/estimates/") as refused:
        open_studio(phone, house.upload())
    assert refused.value.status == 503
    expect(phone.get_by_role("button", name="Estimate sizes")).to_be_visible()
    expect(notice(phone)).to_be_hidden()
    phone.get_by_role("radio", name="Best").check()
    with phone.expect_response("**/estimates/"):  # it asks by itself, which is no press to be tried again
        phone.get_by_role("radio", name="Crossfade").check()
        make_button(phone).click()
    says(phone, "Too many clips are waiting")
    fits(phone)
    empty_the_queue()
    try_again(phone)
    phone.wait_for_url("**/jobs/*/", timeout=PATIENCE_MS)
    job = phone.request.get(phone.url, headers={"Accept": "application/json"}).json()
    assert job["recipe"]["quality"] == "best"
    excuse(complaints)


@pytest.mark.parametrize("way", ["mouse", "keyboard"])
def test_a_press_that_outlasts_an_answer_is_a_press(page: Page, house: House, way: str) -> None:
    page.goto(house.job())
    button = page.get_by_role("button", name="Cancel")
    button.hover()
    button.focus()
    press = {"mouse": page.mouse.down, "keyboard": lambda: page.keyboard.down("Space")}
    release = {"mouse": page.mouse.up, "keyboard": lambda: page.keyboard.up("Space")}
    press[way]()
    for _ in range(2):  # when the second has come, the first is shown
        with page.expect_response("**/status"):
            pass
    release[way]()
    expect(page.get_by_role("heading", level=1)).to_have_text("Cancelled")


def test_a_job_that_failed_leads_back_to_the_clip(phone: Page, house: House) -> None:
    error = EncodeError()
    failed = house.job(
        options_json=ConversionOptions(start_s=1.5).to_dict(),
        state=State.FAILED,
        error_code=error.code,
        error_message=error.user_message,
        finished_at=time.time(),
    )
    phone.goto(failed)
    expect(phone.get_by_text(error.user_message)).to_be_visible()
    fits(phone)
    phone.get_by_role("link", name="Change something").click()
    expect(phone.get_by_label("Starts at")).to_have_value("00:00:01.500")
