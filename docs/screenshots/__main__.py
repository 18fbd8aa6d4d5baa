"""Capture every page state at several widths, light and dark: `python -m docs.screenshots`."""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from chromi.db import open_database
from docs.screenshots.admin import TOKEN, capture_admin
from docs.screenshots.capture import HEIGHTS_PX, Capture
from docs.screenshots.job import capture_jobs
from docs.screenshots.publish import publish
from docs.screenshots.result import capture_result, capture_share_links, make_background
from docs.screenshots.service import make_clips, run_service
from docs.screenshots.start import capture_start_page, capture_uploads
from docs.screenshots.studio import capture_clip_shapes, capture_studio, capture_unplayable_clip

DEFAULT_WIDTHS_PX = (360, 768, 1440)


def main() -> None:
    options = parse_options()
    folder = Path(options.out or tempfile.mkdtemp(prefix="chromi-screenshots-"))
    folder.mkdir(parents=True, exist_ok=True)
    capture = Capture(folder, tuple(options.width or DEFAULT_WIDTHS_PX), options.only)
    with tempfile.TemporaryDirectory(prefix="chromi-") as work:
        capture_all(capture, Path(work), options.clip)
    print(f"The screenshots are in {folder}.")
    if not options.only and not options.width:
        publish(folder)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m docs.screenshots", description=__doc__)
    parser.add_argument("--clip", type=Path, help="show this clip instead of the demo clip")
    parser.add_argument("--out", help="folder for the screenshots; by default a new temporary one")
    parser.add_argument("--only", default="", help="capture only states with this in their name")
    parser.add_argument(
        "--width", type=int, action="append", choices=HEIGHTS_PX, help="instead of the default widths"
    )
    return parser.parse_args()


def capture_all(capture: Capture, work: Path, clip: Path | None) -> None:
    """Capture all states, first with real jobs, then with database rows on a service without a worker."""
    instance = work / "instance"
    clips = make_clips(work, clip)
    open_database(instance)
    with sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium's sandbox refuses to run as root
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=sandbox)
        page = browser.new_page(reduced_motion="reduce")
        with run_service(instance, "serve") as url:
            capture_start_page(page, capture, url)
            capture_uploads(page, capture, url, clips)
            capture_clip_shapes(page, capture, url, clips)
            capture_studio(page, capture, url, clips.plain)
            make_background(page)
            capture_result(page, capture)
            capture_share_links(page, capture)
        with run_service(instance, "web", CHROMI_ADMIN_TOKEN=TOKEN) as url:
            capture_unplayable_clip(page, capture, url, clips)
            capture_jobs(page, capture, url)
            capture_admin(page, capture, url)
        browser.close()


if __name__ == "__main__":
    main()
