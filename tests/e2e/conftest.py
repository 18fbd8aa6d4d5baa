"""A real Chromium: Debian's, driven by Playwright."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    ViewportSize,
    expect,
    sync_playwright,
)

from chromi.db import database, open_database
from tests.support.flaky_proxy import Relay
from tests.support.running_service import end_service, run_service
from tests.support.seeded_app import Finished, House

OpenPage = Callable[..., Page]
"""Opens a page `width` px wide; what else is named goes to Browser.new_context()."""

expect.set_options(timeout=20_000)  # in milliseconds; the usual five seconds are short on a busy machine

LAPTOP: ViewportSize = {"width": 1280, "height": 800}
Scheme = Literal["light", "dark"]
COLOR_SCHEMES: tuple[Scheme, ...] = ("light", "dark")
BROKEN_OFF = ("htmx:sendAbort", "htmx:afterRequest")
"""What htmx writes when the page itself wants an answer no more; a lost connection is an htmx:sendError."""
CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Without it a graphics card is emulated: composing pictures in plain memory takes a tenth less of all.
    "--disable-gpu",
    # Chromium's sandbox refuses to run as root, as CI does.
    *(["--no-sandbox"] if os.geteuid() == 0 else []),
]


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
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def complaints() -> list[str]:
    """What the console said in this test: errors, warnings, refused content."""
    return []


@pytest.fixture
def open_page(browser: Browser, complaints: list[str]) -> Iterator[OpenPage]:
    """Open pages in contexts of their own; at their end nothing may have been complained about."""
    contexts: list[BrowserContext] = []

    def open_page(*, width: int = LAPTOP["width"], **options: Any) -> Page:
        contexts.append(browser.new_context(viewport=LAPTOP | {"width": width}, **options))
        page = contexts[-1].new_page()
        listen(page, complaints)
        return page

    complaints.clear()
    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="module")
def tab(browser: Browser, complaints: list[str]) -> Iterator[Page]:
    """One page for all tests of a module: a new one costs three times what going on in this one does."""
    context = browser.new_context(viewport=LAPTOP)
    page = context.new_page()
    listen(page, complaints)
    yield page
    context.close()


@pytest.fixture
def page(tab: Page, complaints: list[str]) -> Iterator[Page]:
    """A light page at laptop width that has no cookies; nothing may have been complained about at its end."""
    tab.set_viewport_size(LAPTOP)
    tab.emulate_media(color_scheme="light")
    complaints.clear()
    yield tab
    said = list(complaints)
    tab.goto("about:blank")  # what it still asked for is broken off, and may complain of that
    tab.unroute_all()
    tab.context.clear_cookies()
    tab.context.clear_permissions()
    assert said == []


@pytest.fixture
def phone(page: Page) -> Page:
    """A phone in the dark."""
    page.set_viewport_size(LAPTOP | {"width": 360})
    page.emulate_media(color_scheme="dark")
    return page


def listen(page: Page, complaints: list[str]) -> None:
    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(BROKEN_OFF):
            complaints.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: complaints.append(str(error)))


@pytest.fixture(scope="module")
def house_settings() -> dict[str, str]:
    """What the house of a module takes; a module may say otherwise."""
    return {"max_queue": "1000"}  # nobody works on it


@pytest.fixture(scope="module")
def house(
    tmp_path_factory: pytest.TempPathFactory,
    clip: Path,
    finished_files: Finished,
    house_settings: dict[str, str],
) -> Iterator[House]:
    """The web server alone, for all tests of a module that need no worker."""
    instance = tmp_path_factory.mktemp("house") / "instance"
    service = run_service(instance, house_settings, ("-m", "chromi", "web"))
    open_database(service.instance)
    with database.connection_context():
        house = House(service, clip, finished_files)
        house.hire()
        yield house
        house.dismiss()
    database.close()
    end_service(service)


@pytest.fixture
def relay(house: House, page: Page) -> Iterator[Relay]:
    with Relay(house.url) as relay:
        yield relay
        page.goto("about:blank")  # what is still under way ends before its network does


@pytest.fixture
def scriptless_page(browser: Browser) -> Iterator[Page]:
    context: BrowserContext = browser.new_context(java_script_enabled=False)
    yield context.new_page()
    context.close()
