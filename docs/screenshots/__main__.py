"""Take a picture of every state, at every width, light and dark: `python -m docs.screenshots`."""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from chromi.db import open_database
from docs.screenshots import curated
from docs.screenshots.camera import HEIGHTS_PX, Camera
from docs.screenshots.job import take_jobs
from docs.screenshots.result import make_result, take_links, take_result
from docs.screenshots.service import make_clips, serve
from docs.screenshots.start import take_network, take_start
from docs.screenshots.studio import take_shapes, take_studio, take_unplayable

USUAL_WIDTHS = (360, 768, 1440)


def main() -> None:
    options = read_options()
    folder = Path(options.out or tempfile.mkdtemp(prefix="chromi-screenshots-"))
    folder.mkdir(parents=True, exist_ok=True)
    camera = Camera(folder, tuple(options.width or USUAL_WIDTHS), options.only)
    with tempfile.TemporaryDirectory(prefix="chromi-") as work:
        walk(camera, Path(work), options.clip)
    print(f"The pictures are in {folder}.")
    if not options.only and not options.width:
        curated.publish(folder)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m docs.screenshots", description=__doc__)
    parser.add_argument("--clip", type=Path, help="show this clip instead of our balloon")
    parser.add_argument("--out", help="folder for the pictures; a new temporary one without it")
    parser.add_argument("--only", default="", help="take only states with this in their name")
    parser.add_argument("--width", type=int, action="append", choices=HEIGHTS_PX, help="instead of the usual")
    return parser.parse_args()


def walk(camera: Camera, work: Path, clip: Path | None) -> None:
    """Go through all states: with real jobs first, then by rows, where no worker takes them up."""
    instance = work / "instance"
    clips = make_clips(work, clip)
    open_database(instance)
    with sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium's refuses to run as root
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=sandbox)
        page = browser.new_page(reduced_motion="reduce")
        with serve(instance, "serve") as url:
            take_start(page, camera, url)
            take_network(page, camera, url, clips)
            take_shapes(page, camera, url, clips)
            take_studio(page, camera, url, clips.plain)
            make_result(page)
            take_result(page, camera)
            take_links(page, camera)
        with serve(instance, "web") as url:
            take_unplayable(page, camera, url, clips)
            take_jobs(page, camera, url)
        browser.close()


if __name__ == "__main__":
    main()
