"""A real Chromium, Debian's, driven by Playwright."""

import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    Route,
    ViewportSize,
    expect,
    sync_playwright,
)

from chromi.db import database, open_database
from tests.support import clips
from tests.support.flaky_proxy import FlakyProxy
from tests.support.paths import ROOT
from tests.support.running_service import Service, end_service, run_service
from tests.support.seeded_app import Finished, SeededApp

OpenPage = Callable[..., Page]
"""Opens a page that is `width` px wide; other keyword arguments go to Browser.new_context()."""
WebServerWith = Callable[[dict[str, str]], Service]
OpenStudio = Callable[..., Page]
"""Opens the studio of a clip, with a query string if one is given."""

expect.set_options(timeout=20_000)  # in milliseconds; the default of five seconds is short on a busy machine

LAPTOP: ViewportSize = {"width": 1280, "height": 800}
ColorScheme = Literal["light", "dark"]
COLOR_SCHEMES: tuple[ColorScheme, ...] = ("light", "dark")
HTMX_ABORT_MESSAGES = ("htmx:sendAbort", "htmx:afterRequest")
"""htmx logs these when the page itself aborts a request; a lost connection is an htmx:sendError."""
REQUEST_ERRORS = ("Failed to load resource", "Response Status Error Code", "htmx:")
"""The browser and htmx log these for each request that fails."""
LARGE_CLIP_BYTES = 4_000_000
CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM_ARGS = [
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Otherwise Chromium emulates a GPU. Software compositing makes the tests a tenth faster.
    "--disable-gpu",
    # Chromium's sandbox refuses to run as root, as CI does.
    *(["--no-sandbox"] if os.geteuid() == 0 else []),
]


# -- browser and pages -------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    if not CHROMIUM.exists():
        if os.environ.get("CI"):
            pytest.fail(f"{CHROMIUM} is missing: .ci/run installs it")
        pytest.skip(f"{CHROMIUM} is missing: apt-get install chromium")
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def console_errors() -> list[str]:
    """Errors, warnings and exceptions of the current test's pages."""
    return []


@pytest.fixture
def open_page(browser: Browser, console_errors: list[str]) -> Iterator[OpenPage]:
    """Open pages in their own contexts. The test fails if console errors are left at its end."""
    contexts: list[BrowserContext] = []

    def open_page(*, width: int = LAPTOP["width"], **options: Any) -> Page:
        contexts.append(browser.new_context(viewport=LAPTOP | {"width": width}, **options))
        page = contexts[-1].new_page()
        record_console_errors(page, console_errors)
        return page

    console_errors.clear()
    yield open_page
    for context in contexts:
        context.close()
    assert console_errors == []


@pytest.fixture(scope="module")
def module_page(browser: Browser, console_errors: list[str]) -> Iterator[Page]:
    """One page for all tests of a module: opening a new one takes three times as long as reusing it."""
    context = browser.new_context(viewport=LAPTOP)
    page = context.new_page()
    record_console_errors(page, console_errors)
    yield page
    context.close()


@pytest.fixture
def page(module_page: Page, console_errors: list[str]) -> Iterator[Page]:
    """A light page at laptop width without cookies. The test fails if console errors are left at its end."""
    module_page.set_viewport_size(LAPTOP)
    module_page.emulate_media(color_scheme="light")
    console_errors.clear()
    yield module_page
    left_errors = list(console_errors)
    module_page.goto("about:blank")  # aborts pending requests, which may log further errors
    module_page.unroute_all()
    module_page.context.clear_cookies()
    module_page.context.clear_permissions()
    assert left_errors == []


@pytest.fixture
def phone(page: Page) -> Page:
    """A page at phone width with a dark color scheme."""
    page.set_viewport_size(LAPTOP | {"width": 360})
    page.emulate_media(color_scheme="dark")
    return page


@pytest.fixture
def modules_page(page: Page) -> Page:
    """An empty page that can import our modules from /js/; no service is needed."""
    page.route("http://chromi.test/**", fulfill_with_module)
    page.goto("http://chromi.test/")
    return page


def fulfill_with_module(route: Route) -> None:
    path = urlsplit(route.request.url).path
    if path == "/":
        route.fulfill(body="<!doctype html><html lang=en><title>modules</title>", content_type="text/html")
    else:
        route.fulfill(path=ROOT / "chromi/static" / path.removeprefix("/"))


@pytest.fixture
def page_without_script(browser: Browser) -> Iterator[Page]:
    context: BrowserContext = browser.new_context(java_script_enabled=False)
    yield context.new_page()
    context.close()


def record_console_errors(page: Page, console_errors: list[str]) -> None:
    def record(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(HTMX_ABORT_MESSAGES):
            console_errors.append(message.text)

    page.on("console", record)
    page.on("pageerror", lambda error: console_errors.append(str(error)))


def expect_console_errors(console_errors: list[str], *prefixes: str) -> None:
    """Check that there are console errors, all of the expected kinds, and discard them."""
    assert console_errors
    assert all(error.startswith(prefixes) for error in console_errors), console_errors
    console_errors.clear()


# -- services ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def seeded_app_settings() -> dict[str, str]:
    """Settings of the module's seeded_app; a module may override them."""
    return {"max_queue": "1000"}  # no worker takes jobs from the queue


@pytest.fixture(scope="session")
def web_server_with(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServerWith]:
    """Return the web server with these settings, which all modules that use the same settings share."""
    servers: dict[str, Service] = {}

    def web_server_with(settings: dict[str, str]) -> Service:
        key = repr(sorted(settings.items()))
        if key not in servers:
            instance = tmp_path_factory.mktemp("seeded") / "instance"
            servers[key] = run_service(instance, settings, ("-m", "chromi", "web"))
        return servers[key]

    yield web_server_with
    for server in servers.values():
        end_service(server)


@pytest.fixture(scope="module")
def seeded_app(
    web_server_with: WebServerWith,
    clip: Path,
    finished_files: Finished,
    seeded_app_settings: dict[str, str],
) -> Iterator[SeededApp]:
    """The web server without a worker and without earlier modules' rows, for all tests of a module."""
    service = web_server_with(seeded_app_settings)
    open_database(service.instance)
    with database.connection_context():
        app = SeededApp(service, clip, finished_files)
        app.delete_rows()
        app.start_heartbeat()
        yield app
        app.stop_heartbeat()
    database.close()


@pytest.fixture
def proxy(seeded_app: SeededApp, page: Page) -> Iterator[FlakyProxy]:
    with FlakyProxy(seeded_app.url) as proxy:
        yield proxy
        page.goto("about:blank")  # pending requests end before the proxy does


@pytest.fixture
def open_studio(page: Page, seeded_app: SeededApp) -> OpenStudio:
    def open_studio(clip: Path, query: str = "") -> Page:
        page.goto(seeded_app.create_upload(clip) + query)
        return page

    return open_studio


@pytest.fixture
def result_url(seeded_app: SeededApp) -> str:
    """The page of a finished background without share links."""
    return seeded_app.job_url(seeded_app.create_result())


@pytest.fixture
def receiver(open_page: OpenPage) -> Page:
    """Another person's browser."""
    return open_page(width=390)


# -- clips -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two minutes at a low resolution."""
    path = tmp_path_factory.mktemp("clips") / "long.mp4"
    return clips.make_clip(path, seconds=120, size="160x90", rate=10, options=("-g", "10"))


@pytest.fixture(scope="session")
def tall_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds in portrait format: red and lime at the top, blue and yellow at the bottom."""
    path = tmp_path_factory.mktemp("clips") / "tall.mp4"
    return clips.make_clip(path, size="180x320", rate=24, pattern="quadrants", options=("-g", "12"))


@pytest.fixture(scope="session")
def large_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of exactly LARGE_CLIP_BYTES: it ends with noise in an MP4 box that players skip."""
    path = clips.make_clip(tmp_path_factory.mktemp("clips") / "large.mp4", seconds=8)
    box_bytes = LARGE_CLIP_BYTES - path.stat().st_size
    with path.open("ab") as file:
        file.write(struct.pack(">I4s", box_bytes, b"free") + os.urandom(box_bytes - 8))
    return path
