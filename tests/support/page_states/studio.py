"""Every page of Chromi in every state, each made in a moment by the rows that it shows."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from chromi.db import Job, JobKind, State, database
from chromi.web.limits.passwords import hash_password
from tests.support import clips
from tests.support.seeded_app import House

Scene = Callable[[Page, House], None]

SCENES: dict[str, Scene] = {}
"""By name; each takes a page there and waits until it stands."""

PASSWORD = "four words"
ADMIN_TOKEN = "the-token-of-the-host"
PIECES = re.compile(r"/uploads/resumable/\w+$")
SIZES = {"small": 9_966_590, "balanced": 25_600_000, "best": 31_000_000}
LOOPS = [
    {"start_s": start_s, "duration_s": 6.0, "score": score}
    for start_s, score in [(0.5, 97.0), (1.2, 85.0), (1.8, 42.0)]
]


def scene(name: str) -> Callable[[Scene], Scene]:
    def add(take: Scene) -> Scene:
        SCENES[name] = take
        return take

    return add


def heading(page: Page, words: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(words)


def unfold(page: Page) -> None:
    """Open all that is folded."""
    page.evaluate("for (const details of document.querySelectorAll('details')) details.open = true")


# -- start ---------------------------------------------------------------------------------------------------


@scene("start")
def start(page: Page, house: House) -> None:
    page.goto(house.url)
    expect(page.locator("#upload_form")).to_have_class("enhanced")


@scene("start, wrong kind of file")
def start_wrong(page: Page, house: House) -> None:
    start(page, house)
    page.set_input_files("#video", {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"words"})
    expect(page.get_by_role("alert")).to_contain_text("notes.txt")


@scene("start, dragging")
def start_dragging(page: Page, house: House) -> None:
    start(page, house)
    page.evaluate(
        """() => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File(["a"], "clip.mp4"));
          const ways = { dataTransfer, bubbles: true, cancelable: true };
          document.body.dispatchEvent(new DragEvent("dragover", ways));
        }"""
    )
    expect(page.locator(".drop")).to_have_class(re.compile("dragging"))


@scene("start, opening the studio")
def start_opening(page: Page, house: House) -> None:
    page.route("**/uploads/resumable/", lambda route: None)
    start(page, house)
    page.set_input_files("#video", house.clip)
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()


@scene("start, opening the studio for a GIF")
def start_opening_gif(page: Page, house: House) -> None:
    page.route("**/uploads/resumable/", lambda route: None)
    start(page, house)
    page.set_input_files("#video", house.finished[0])
    expect(page.locator(".stage > img:not(.ground)")).to_be_visible()


@scene("unfinished upload")
def unfinished(page: Page, house: House) -> None:
    page.goto(house.partial())
    heading(page, "Your upload is not finished")
    expect(page.locator("#upload_form")).to_have_class("enhanced")


# -- studio --------------------------------------------------------------------------------------------------


def wait_for_studio(page: Page) -> None:
    expect(page.get_by_role("button", name="Play the loop")).to_be_visible()


def choose(page: Page, house: House) -> None:
    start(page, house)
    page.set_input_files("#video", house.clip)
    wait_for_studio(page)


@scene("studio, uploading")
def studio_uploading(page: Page, house: House) -> None:
    page.route(PIECES, lambda route: None)
    choose(page, house)
    expect(page.get_by_role("progressbar", name="Upload")).to_be_visible()


@scene("studio, connection lost")
def studio_lost(page: Page, house: House) -> None:
    page.route(PIECES, lambda route: route.abort())
    choose(page, house)
    page.get_by_role("button", name="Make background").click()
    expect(page.locator("#uploading").get_by_text("Connection lost")).to_be_visible()
    expect(page.locator("#uploading").get_by_text("begins by itself")).to_be_visible()


@scene("studio, upload refused")
def studio_refused(page: Page, house: House) -> None:
    page.route(PIECES, lambda route: route.fulfill(status=415, json={}))
    choose(page, house)
    expect(page.get_by_role("link", name="Choose another clip")).to_be_visible()


@scene("studio, upload deleted meanwhile")
def studio_expired(page: Page, house: House) -> None:
    page.route(PIECES, lambda route: route.fulfill(status=404, json={}))
    choose(page, house)
    expect(page.get_by_role("button", name="Upload it again")).to_be_visible()


@scene("studio, all of it")
def studio_full(page: Page, house: House) -> None:
    """A long clip: zoomed, with suggestions and sizes, all unfolded, uploaded just now."""
    page.goto(house.upload(duration_s=120.0))
    wait_for_studio(page)
    with page.expect_response("**/loops/"):
        page.get_by_role("button", name="Find the best loop").click()
    house.answer(JobKind.LOOPS, loops=LOOPS)
    page.get_by_role("button", name="Show less of the clip").click()
    unfold(page)
    expect(page.locator("#loops .chip")).to_have_count(3)
    page.locator("#loops .chip").first.click()
    expect(page.locator("#estimates progress")).to_be_attached()
    house.answer(JobKind.ESTIMATE, estimates=SIZES)
    expect(page.locator("[data-part=qualities] output").first).to_have_text(re.compile("about"))


@scene("studio, wrong options")
def studio_wrong(page: Page, house: House) -> None:
    page.goto(house.upload())
    wait_for_studio(page)
    page.evaluate("document.querySelector('#studio form').noValidate = true")
    page.get_by_label("Starts at").fill("soon")
    page.get_by_role("button", name="Make background").click()
    expect(page.get_by_role("alert").filter(has_text="start_time")).to_be_visible()


def tall(page: Page, house: House, query: str) -> None:
    path = Path(house.service.instance) / "tall.mp4"
    if not path.exists():
        clips.make_clip(path, size="180x320", rate=10, picture="quadrants")
    page.goto(house.upload(path) + query)
    wait_for_studio(page)


@scene("studio, focus")
def studio_focus(page: Page, house: House) -> None:
    tall(page, house, "")
    expect(page.get_by_role("slider", name="Part of the picture")).to_be_visible()


@scene("studio, fit")
def studio_fit(page: Page, house: House) -> None:
    tall(page, house, "?framing=fit&pad=%23336699&max_mb=9")
    expect(page.get_by_label("Color around the picture")).to_be_visible()


@scene("studio, blur")
def studio_blur(page: Page, house: House) -> None:
    tall(page, house, "?framing=blur&loop=boomerang")
    expect(page.locator(".backdrop")).to_be_visible()


@scene("studio, short clip")
def studio_short(page: Page, house: House) -> None:
    page.goto(house.upload(duration_s=3.0))
    wait_for_studio(page)
    expect(page.get_by_text("so all of it becomes your background")).to_be_visible()


@scene("studio, unplayable clip")
def studio_unplayable(page: Page, house: House) -> None:
    page.goto(house.unplayable_upload())
    expect(page.get_by_role("progressbar", name="Progress of the preview")).to_be_visible()


@scene("studio, GIF")
def studio_gif(page: Page, house: House) -> None:
    page.goto(house.upload(house.finished[0]))
    expect(page.locator("#preview progress")).to_be_attached()
    expect(page.get_by_role("img", name="Your clip")).to_be_visible()


@scene("studio, uploading a GIF")
def studio_uploading_gif(page: Page, house: House) -> None:
    page.route(PIECES, lambda route: None)
    start(page, house)
    page.set_input_files("#video", house.finished[0])
    expect(page.get_by_role("progressbar", name="Upload")).to_be_visible()
    expect(page.get_by_role("img", name="Your clip")).to_be_visible()


# -- making --------------------------------------------------------------------------------------------------


@scene("making, queued")
def queued(page: Page, house: House) -> None:
    house.hire()
    for _ in range(2):
        house.job()
    page.goto(house.job())
    heading(page, "Making your background")


@scene("making, no worker")
def queued_for_nobody(page: Page, house: House) -> None:
    house.dismiss()
    page.goto(house.job())
    expect(page.get_by_text("Nothing is working on the queue")).to_be_visible()


@scene("making, running")
def running(page: Page, house: House) -> None:
    page.goto(house.running())
    expect(page.get_by_text(re.compile("about .+ left"))).to_be_visible()


@scene("failed, ours")
def failed_ours(page: Page, house: House) -> None:
    page.goto(house.failed("internal_error"))
    expect(page.get_by_role("button", name="Try again")).to_be_visible()


@scene("failed, the clip's")
def failed(page: Page, house: House) -> None:
    page.goto(house.failed("encode_failed"))
    expect(page.get_by_role("link", name="Change something")).to_be_visible()


@scene("failed, clip gone")
def failed_without_clip(page: Page, house: House) -> None:
    page.goto(house.job(state=State.FAILED, error_code="worker_died", error_message="It died.", upload=None))
    expect(page.get_by_role("link", name="Start again")).to_be_visible()


@scene("cancelled")
def cancelled(page: Page, house: House) -> None:
    page.goto(house.job(state=State.CANCELLED))
    heading(page, "Cancelled")


FOUND = {JobKind.ESTIMATE: {"estimates": SIZES}, JobKind.LOOPS: {"loops": LOOPS}, JobKind.PREVIEW: {}}


def asked(kind: JobKind, state: State) -> Scene:
    def take(page: Page, house: House) -> None:
        result = FOUND[kind] if state == State.SUCCESS else None
        page.goto(house.job(kind=kind, state=state, result_json=result))
        expect(page.locator("#job")).to_have_attribute("data-state", state)

    return take


for kind in FOUND:
    for state in (State.QUEUED, State.SUCCESS):
        SCENES[f"{kind} job, {state}"] = asked(kind, state)


# -- result --------------------------------------------------------------------------------------------------


def open_result(page: Page, house: House, job: Job) -> None:
    page.goto(house.page_of(job))
    heading(page, "Your background is ready")
    unfold(page)
    expect(page.locator("#newtab :is([data-part=clear], [data-part=bright]):not([hidden])")).to_be_visible()


@scene("result")
def result(page: Page, house: House) -> None:
    open_result(page, house, house.result())


@scene("result, heavy and shared")
def result_shared(page: Page, house: House) -> None:
    """Links of every state; the page's window is another one."""
    job = house.result(size_bytes=35_000_000)
    states = [
        *({}, {"password_hash": "scrypt"}, {"max_uses": 5, "uses": 2}),
        *({"max_uses": 1, "uses": 1}, {"expires_at": 1.0}, {"revoked_at": 1.0}),
    ]
    for values in states:
        house.share(job, **values)
    open_result(page, house, job)
    page.get_by_role("radio", name="Upright").check()
    page.get_by_role("button", name="Show").click()


# -- receiver and dead ends ----------------------------------------------------------------------------------


@scene("receiver")
def receiver(page: Page, house: House) -> None:
    page.goto(house.share(house.result(), max_uses=3))
    expect(page.get_by_role("button", name="Download", exact=True)).to_be_visible()
    unfold(page)


@scene("receiver, password")
def locked(page: Page, house: House) -> None:
    page.goto(house.share(house.result(), password_hash=hash_password(PASSWORD)))
    expect(page.get_by_label("Password for this link")).to_be_visible()


@scene("receiver, wrong password")
def wrong_password(page: Page, house: House) -> None:
    locked(page, house)
    page.get_by_label("Password for this link").fill("a guess")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("not the password")


def dead_end(words: str, address: Callable[[House], str]) -> Scene:
    def take(page: Page, house: House) -> None:
        page.goto(address(house))
        heading(page, words)

    return take


SCENES |= {
    "error, not found": dead_end("Nothing is here", lambda house: f"{house.url}/nowhere"),
    "error, link expired": dead_end(
        "This link has ended", lambda house: house.share(house.result(), expires_at=1.0)
    ),
    "error, link used up": dead_end(
        "This link has been used", lambda house: house.share(house.result(), max_uses=1, uses=1)
    ),
    "error, link revoked": dead_end(
        "This link was taken back", lambda house: house.share(house.result(), revoked_at=1.0)
    ),
    "error, conflict": dead_end("Not at this moment", lambda house: f"{house.partial()}video"),
}


@scene("error, busy")
def busy(page: Page, house: House) -> None:
    """The database does not answer, as far as this page is concerned."""
    address = house.job()
    database.execute_sql("ALTER TABLE worker RENAME TO lent")
    try:
        page.goto(address)
    finally:
        database.execute_sql("ALTER TABLE lent RENAME TO worker")
    heading(page, "One moment, please")


# -- ops: before the door, and behind it ---------------------------------------------------------------------


@scene("ops, door")
def ops_door(page: Page, house: House) -> None:
    page.context.clear_cookies()
    page.goto(f"{house.url}/admin/")
    page.get_by_label("Token").fill("a wrong one")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert").filter(has_text="not the token")).to_be_visible()


@scene("ops")
def ops(page: Page, house: House) -> None:
    """Jobs that wait, run and have failed, with a clip and without."""
    house.hire()
    for _ in range(2):
        house.job(state=State.QUEUED)
        house.running()
        house.failed("no_frames")
    house.job(state=State.FAILED, error_code="timed_out", error_message="It took too long.", upload=None)
    page.context.clear_cookies()
    page.goto(f"{house.url}/admin/")
    page.get_by_label("Token").fill(ADMIN_TOKEN)
    page.get_by_role("button", name="Sign in").click()
    heading(page, "All is well")
    expect(page.get_by_role("button", name="Retry").first).to_be_visible()
