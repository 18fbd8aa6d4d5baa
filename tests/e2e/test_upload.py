"""A clip is chosen, and uploaded behind the studio, whatever the network does meanwhile."""

import base64
import hashlib
import math
import os
import re
import struct
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Request, expect

from tests.support import clips
from tests.support.flaky_proxy import Relay
from tests.support.page_helpers import held
from tests.support.page_states import PIECES
from tests.support.running_service import Service
from tests.support.seeded_app import House
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser

PATIENCE_MS = 60_000
CLIP_BYTES = 4_000_000
SLOW = 250_000.0
"""Bytes a second: a clip of ours takes sixteen."""
WEB = ("-m", "chromi", "web")

Start = Callable[..., Service]


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ordinary clip of exactly CLIP_BYTES: the rest is noise in an MP4 box that players skip."""
    path = clips.make_clip(tmp_path_factory.mktemp("clips") / "long.mp4", seconds=8)
    rest = CLIP_BYTES - path.stat().st_size
    with path.open("ab") as file:
        file.write(struct.pack(">I4s", rest, b"free") + os.urandom(rest - 8))
    return path


@pytest.fixture
def start_service(start_service: Start, page: Page) -> Iterator[Start]:
    yield start_service
    page.goto("about:blank")  # likewise, before the service ends


def choose(page: Page, url: str, clip: Path) -> None:
    """Choose a file on the first page and find the studio, the upload going on."""
    page.goto(url)
    page.set_input_files("#video", clip)
    page.wait_for_url("**/uploads/*/", timeout=PATIENCE_MS)


def send_part(page: Page, relay: Relay, clip: Path, share: float) -> None:
    """Choose a file on the first page; more than this share of it does not come through."""
    relay.most_bytes = share * CLIP_BYTES
    choose(page, relay.url, clip)
    wait_for(lambda: relay.sent_bytes >= relay.most_bytes, "a part of the file")


def upload_bar(page: Page) -> Locator:
    return page.get_by_role("group", name="Upload")


def arrives(page: Page) -> None:
    expect(upload_bar(page).get_by_text("Your clip is uploaded.", exact=True)).to_be_visible(
        timeout=PATIENCE_MS
    )


def arrived(service: Service, page: Page) -> Path:
    """The upload whose studio is shown, on the server's disk."""
    found = re.search(r"/uploads/([0-9a-f]{32})/", page.url)
    assert found
    return service.instance / "media/uploads" / found[1]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def excuse(complaints: list[str], words: str) -> None:
    """The browser itself notes in the console what went wrong, and nothing else may be there."""
    assert complaints
    assert all(words in complaint for complaint in complaints), complaints
    complaints.clear()


def fail_twice(page: Page) -> None:
    """Two more tries fail: then the pause is long enough to press a button in it."""
    for _ in range(2):
        page.wait_for_event("requestfailed")


def note_requests(page: Page) -> list[Request]:
    requests: list[Request] = []
    page.on("request", lambda request: requests.append(request))
    return requests


def hand_over(page: Page, clip: Path, event: str, *, name: str = "clip.mp4") -> None:
    """Drop the file beside everything, or paste it."""
    page.evaluate(
        """([content, event, name]) => {
          const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
          const transfer = new DataTransfer();
          transfer.items.add(new File([bytes], name));
          const ways = { bubbles: true, cancelable: true };
          const happening = event === "paste"
            ? new ClipboardEvent(event, { clipboardData: transfer, ...ways })
            : new DragEvent(event, { dataTransfer: transfer, ...ways });
          document.querySelector("footer").dispatchEvent(happening);
        }""",
        [base64.b64encode(clip.read_bytes()).decode(), event, name],
    )


def test_the_studio_opens_at_once_and_plays_the_local_file(page: Page, relay: Relay, long_clip: Path) -> None:
    relay.bytes_per_s = SLOW
    page.goto(relay.url)
    page.evaluate("window.isStillHere = true")
    page.set_input_files("#video", long_clip)
    expect(page.get_by_role("heading", name="Choose your six seconds")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/uploads/[0-9a-f]{32}/$"))
    assert page.title() == "Choose your six seconds · Chromi"
    assert page.evaluate("window.isStillHere"), "the page was not left"
    # Not wait_for_function: the page's policy refuses its eval when it asks again.
    wait_for(lambda: page.evaluate("document.querySelector('#studio video').readyState >= 2"), "the picture")
    assert page.evaluate("document.querySelector('#studio video').currentSrc.startsWith('blob:')")
    bar = page.get_by_role("progressbar", name="Upload")
    expect(bar).to_be_visible()
    wait_for(lambda: page.evaluate("document.querySelector('#uploading progress').value > 10"), "progress")
    expect(page.get_by_text(re.compile(r"\d\.\d MB of 4\.0 MB, \d+%"))).to_be_visible()
    expect(page.locator("#announcer")).to_have_text("Uploading your clip")
    assert relay.sent_bytes < CLIP_BYTES
    relay.bytes_per_s = None
    arrives(page)
    expect(bar).to_be_hidden()


def test_the_studio_is_told_what_the_server_found(page: Page, house: House, clip: Path) -> None:
    page.goto(house.url)
    page.evaluate(
        "document.addEventListener('chromi:uploaded', (event) => { window.told = event.detail; }, true)"
    )
    page.set_input_files("#video", clip)
    arrives(page)
    told = page.evaluate("window.told")
    assert told["info"]["codec"] == "h264"
    assert told["videoUrl"] == f"/uploads/{arrived(house.service, page).name}/video"


@pytest.mark.parametrize("event", ["drop", "paste"])
def test_a_file_is_taken_anywhere(page: Page, house: House, clip: Path, event: str) -> None:
    page.goto(house.url)
    if event == "drop":
        hand_over(page, clip, "dragover")
        expect(page.locator(".drop")).to_have_class(re.compile("dragging"))
    hand_over(page, clip, event)
    arrives(page)
    assert digest(arrived(house.service, page)) == digest(clip)


def test_an_upload_that_is_cut_twice_resumes_and_arrives_byte_for_byte(
    page: Page, house: House, relay: Relay, long_clip: Path, complaints: list[str]
) -> None:
    requests = note_requests(page)
    send_part(page, relay, long_clip, 0.3)
    relay.cut()
    relay.most_bytes = 0.6 * CLIP_BYTES
    wait_for(lambda: relay.sent_bytes >= relay.most_bytes, "a second part")
    relay.cut()
    relay.most_bytes = math.inf
    arrives(page)
    assert digest(arrived(house.service, page)) == digest(long_clip)
    pieces = [request for request in requests if request.method == "PATCH"]
    offsets = [int(piece.headers["upload-offset"]) for piece in pieces]
    assert offsets == sorted(offsets), "it never went back to the beginning"
    begun = [sent for sent in requests if sent.method == "POST" and sent.url.endswith("/uploads/resumable/")]
    assert len(begun) == 1
    assert relay.sent_bytes < 1.5 * CLIP_BYTES, "only the pieces under way came twice"
    complaints.clear()


def test_a_lost_connection_is_said_and_tried_again(
    page: Page, house: House, relay: Relay, long_clip: Path, complaints: list[str]
) -> None:
    send_part(page, relay, long_clip, 0.25)
    relay.shut()
    bar = upload_bar(page)
    expect(bar.get_by_text("Connection lost, trying again…")).to_be_visible()
    expect(page.locator("#announcer")).to_have_text("Connection lost, trying again…")
    fail_twice(page)
    relay.most_bytes = 0.5 * CLIP_BYTES
    relay.reopen()
    page.get_by_role("button", name="Try again now").click()
    expect(bar.get_by_text("Uploading your clip")).to_be_visible()
    expect(bar).to_be_focused()
    relay.most_bytes = math.inf
    arrives(page)
    assert digest(arrived(house.service, page)) == digest(long_clip)
    excuse(complaints, "Failed to load resource")


def test_it_goes_on_when_the_server_was_killed_and_started_again(
    page: Page, start_service: Start, long_clip: Path, complaints: list[str]
) -> None:
    service = start_service(WEB)
    with Relay(service.url) as relay:
        send_part(page, relay, long_clip, 0.5)
        service.process.kill()
        service.process.wait(10)
        expect(upload_bar(page).get_by_text("Connection lost, trying again…")).to_be_visible()
        again = start_service(WEB, instance=str(service.instance))
        relay.target_port = int(again.url.rsplit(":", 1)[1])
        relay.most_bytes = math.inf
        arrives(page)
        assert digest(arrived(service, page)) == digest(long_clip)
    complaints.clear()


def test_making_waits_for_the_upload_and_goes_on_by_itself(page: Page, relay: Relay, long_clip: Path) -> None:
    relay.bytes_per_s = SLOW
    requests = note_requests(page)
    with held(page, PIECES):  # it asks how much the server has: the button may be quicker
        choose(page, relay.url, long_clip)
        page.get_by_role("button", name="Make background").click()
        expect(upload_bar(page).get_by_text("begins by itself")).to_be_visible()
    expect(upload_bar(page).get_by_text(" of 4.0 MB")).to_be_visible()
    expect(page.locator("#announcer")).to_contain_text("begins by itself")
    page.get_by_label("Starts at").fill("00:00:01.500")
    assert not [request for request in requests if request.url.endswith("/jobs/")]
    relay.bytes_per_s = None
    page.wait_for_url("**/jobs/*/", timeout=PATIENCE_MS)
    job = page.request.get(page.url, headers={"Accept": "application/json"}).json()
    assert job["recipe"]["start_time"] == "00:00:01.500", "the last choice counts"


def test_cancel_leads_back_and_leaves_nothing(
    page: Page, house: House, relay: Relay, long_clip: Path
) -> None:
    relay.bytes_per_s = SLOW
    choose(page, relay.url, long_clip)
    upload = arrived(house.service, page)
    partial = upload.with_name(f"partial-{upload.name}")
    assert partial.exists()
    page.get_by_role("button", name="Cancel the upload").click()
    expect(page.get_by_text("Drop a video here")).to_be_visible()
    wait_for(lambda: not partial.exists(), "what was here to be deleted")


def test_back_leads_to_the_start(page: Page, relay: Relay, long_clip: Path) -> None:
    relay.bytes_per_s = SLOW
    choose(page, relay.url, long_clip)
    page.go_back()
    expect(page.get_by_text("Drop a video here")).to_be_visible()
    page.wait_for_load_state()
    page.go_forward()
    expect(page.get_by_role("heading", name="Your upload is not finished")).to_be_visible()


def test_after_a_reload_the_same_file_goes_on(
    page: Page, house: House, relay: Relay, long_clip: Path, clip: Path
) -> None:
    send_part(page, relay, long_clip, 0.5)
    relay.bytes_per_s = SLOW  # the rest does not come before the page is left
    relay.most_bytes = math.inf
    page.reload()
    expect(page.get_by_role("heading", name="Your upload is not finished")).to_be_visible()
    relay.bytes_per_s = None
    page.set_input_files("#video", clip)
    expect(page.get_by_role("alert")).to_contain_text("not the file you began with")
    requests = note_requests(page)
    page.set_input_files("#video", long_clip)
    arrives(page)
    assert digest(arrived(house.service, page)) == digest(long_clip)
    offsets = [int(sent.headers["upload-offset"]) for sent in requests if sent.method == "PATCH"]
    assert min(offsets) >= 1_000_000


def test_an_upload_that_was_deleted_meanwhile_starts_over(
    page: Page, house: House, relay: Relay, long_clip: Path, complaints: list[str]
) -> None:
    send_part(page, relay, long_clip, 0.25)
    first = arrived(house.service, page)
    relay.shut()
    expect(upload_bar(page).get_by_text("Connection lost")).to_be_visible()
    fail_twice(page)
    address = f"{house.url}/uploads/resumable/{first.name}"
    forget = urllib.request.Request(address, method="DELETE", headers={"Tus-Resumable": "1.0.0"})
    urllib.request.urlopen(forget).close()
    relay.most_bytes = math.inf
    relay.reopen()
    page.get_by_role("button", name="Try again now").click()
    expect(upload_bar(page).get_by_text("has been deleted")).to_be_visible()
    expect(page.get_by_role("button", name="Make background")).to_be_disabled()
    page.get_by_role("button", name="Upload it again").click()
    page.wait_for_url(lambda url: first.name not in url)
    arrives(page)
    assert digest(arrived(house.service, page)) == digest(long_clip)
    excuse(complaints, "Failed to load resource")


def test_a_service_that_is_gone_at_the_start_is_found_again(
    page: Page, relay: Relay, clip: Path, complaints: list[str]
) -> None:
    page.goto(relay.url)
    # It moves once the studio's script is here: from then on only the upload's own requests can fail.
    expect(page.locator(".ground")).to_have_attribute("src", re.compile(r"start\.gif"))
    relay.shut()
    lost = page.locator("form").get_by_text("The service cannot be reached. Trying again…")
    page.set_input_files("#video", clip)
    expect(lost).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Drop a video here")).to_be_visible()
    page.set_input_files("#video", clip)
    expect(lost).to_be_visible()
    fail_twice(page)
    relay.reopen()
    page.get_by_role("button", name="Try again now").click()
    arrives(page)
    excuse(complaints, "Failed to load resource")


def test_without_script_the_form_sends_it_whole(scriptless_page: Page, house: House, clip: Path) -> None:
    page = scriptless_page
    page.goto(house.url)
    page.set_input_files("#video", clip)
    page.get_by_role("button", name="Upload this clip").click()
    page.wait_for_url("**/uploads/*/")
    assert digest(arrived(house.service, page)) == digest(clip)
