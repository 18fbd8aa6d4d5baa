"""States of the studio."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from chromi.db import JobKind
from chromi.encoder import SizeEstimate
from tests.support import clips
from tests.support.page_states.registry import open_all_details, page_state
from tests.support.page_states.start import open_start_page
from tests.support.seeded_app import SeededApp

CHUNK_URL = re.compile(r"/uploads/resumable/\w+$")
ESTIMATES = {"small": 9_966_590, "balanced": 25_600_000, "best": 31_000_000}
ESTIMATE_DETAILS = {
    "small": SizeEstimate(ESTIMATES["small"], reduced_fps=12, is_lossy=True).to_dict(),
    **{quality: SizeEstimate(ESTIMATES[quality]).to_dict() for quality in ("balanced", "best")},
}
LOOPS = [
    {"start_s": start_s, "duration_s": 6.0, "score": score}
    for start_s, score in [(0.5, 97.0), (1.2, 85.0), (1.8, 42.0)]
]


def wait_for_studio(page: Page) -> None:
    expect(page.get_by_role("button", name="Play loop")).to_be_visible()


def choose_clip(page: Page, app: SeededApp) -> None:
    """Choose a clip on the start page and wait for its studio."""
    open_start_page(page, app)
    page.set_input_files("#video", app.clip)
    wait_for_studio(page)


# -- while the clip is uploaded ------------------------------------------------------------------------------


@page_state("studio, uploading")
def open_while_uploading(page: Page, app: SeededApp) -> None:
    page.route(CHUNK_URL, lambda route: None)
    choose_clip(page, app)
    expect(page.get_by_role("progressbar", name="Upload progress")).to_be_visible()


@page_state("studio, connection lost")
def lose_connection(page: Page, app: SeededApp) -> None:
    page.route(CHUNK_URL, lambda route: route.abort())
    choose_clip(page, app)
    page.get_by_role("button", name="Make background").click()
    expect(page.locator("#uploading").get_by_text("Connection lost")).to_be_visible()
    expect(
        page.locator("#uploading").get_by_text("Your background will be made when the upload is done")
    ).to_be_visible()


@page_state("studio, upload deleted meanwhile")
def delete_upload(page: Page, app: SeededApp) -> None:
    page.route(CHUNK_URL, lambda route: route.fulfill(status=404, json={}))
    choose_clip(page, app)
    expect(page.get_by_role("button", name="Upload again")).to_be_visible()


# -- after the upload ----------------------------------------------------------------------------------------


@page_state("studio, all of it")
def open_with_everything(page: Page, app: SeededApp) -> None:
    """Open a long clip: zoomed, with suggestions and sizes, and all details open."""
    page.goto(app.create_upload(duration_s=120.0))
    wait_for_studio(page)
    page.wait_for_function("() => document.querySelector('#loops').hasAttribute('hx-get')")
    app.finish_newest_job(JobKind.LOOPS, loops=LOOPS)
    page.get_by_role("button", name="Zoom in on the timeline").click()
    open_all_details(page)
    expect(page.locator("#loops .chip")).to_have_count(1)
    page.locator("#loops .chip").first.click()
    expect(page.locator("#estimates progress")).to_be_attached()
    app.finish_newest_job(JobKind.ESTIMATE, estimates=ESTIMATES, estimate_details=ESTIMATE_DETAILS)
    expect(page.locator("[data-part=qualities] [data-size]").first).to_have_text(re.compile("about"))


@page_state("studio, wrong options")
def submit_wrong_options(page: Page, app: SeededApp) -> None:
    page.goto(app.create_upload())
    wait_for_studio(page)
    page.evaluate("document.querySelector('#studio form').noValidate = true")
    page.get_by_label("Start time").fill("soon")
    page.get_by_role("button", name="Make background").click()
    expect(page.get_by_role("alert").filter(has_text="start_time")).to_be_visible()


def open_tall_clip(page: Page, app: SeededApp, query: str) -> None:
    path = Path(app.service.instance) / "tall.mp4"
    if not path.exists():
        clips.make_clip(path, size="180x320", rate=10, pattern="quadrants")
    page.goto(app.create_upload(path) + query)
    wait_for_studio(page)


@page_state("studio, focus")
def open_with_focus_point(page: Page, app: SeededApp) -> None:
    open_tall_clip(page, app, "")
    expect(page.get_by_role("slider", name="Visible part of the frame")).to_be_visible()


@page_state("studio, fit")
def open_with_padding(page: Page, app: SeededApp) -> None:
    open_tall_clip(page, app, "?framing=fit&pad=%23336699&max_mb=9")
    expect(page.get_by_label("Color around the video")).to_be_visible()


@page_state("studio, blur")
def open_with_blur(page: Page, app: SeededApp) -> None:
    open_tall_clip(page, app, "?framing=blur&loop=boomerang")
    expect(page.locator(".player .blurred-backdrop")).to_be_visible()


@page_state("studio, short clip")
def open_short_clip(page: Page, app: SeededApp) -> None:
    page.goto(app.create_upload(duration_s=3.0))
    wait_for_studio(page)
    expect(page.get_by_text("so all of it is used")).to_be_visible()


@page_state("studio, unplayable clip")
def open_unplayable_clip(page: Page, app: SeededApp) -> None:
    page.goto(app.create_unplayable_upload())
    expect(page.get_by_role("progressbar", name="Preview progress")).to_be_visible()


@page_state("studio, GIF")
def open_gif(page: Page, app: SeededApp) -> None:
    page.goto(app.create_upload(app.finished[0]))
    expect(page.locator("#preview progress")).to_be_attached()
    expect(page.get_by_role("img", name="Your video")).to_be_visible()


@page_state("studio, uploading a GIF")
def open_while_uploading_gif(page: Page, app: SeededApp) -> None:
    page.route(CHUNK_URL, lambda route: None)
    open_start_page(page, app)
    page.set_input_files("#video", app.finished[0])
    expect(page.get_by_role("progressbar", name="Upload progress")).to_be_visible()
    expect(page.get_by_role("img", name="Your video")).to_be_visible()
