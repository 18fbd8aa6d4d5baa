"""From a file to a shared background in a second browser engine: Debian's WebKitGTK, driven by WebDriver."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from selenium.common.exceptions import (
    NoSuchElementException,
    NoSuchFrameException,
    StaleElementReferenceException,
)
from selenium.webdriver import WebKitGTK
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait
from selenium.webdriver.webkitgtk.options import Options
from selenium.webdriver.webkitgtk.service import Service as Driver

from tests.support.running_service import Service
from tests.support.service_client import curl
from tests.support.waiting import wait_for

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    # Selenium's own call of its own class.
    pytest.mark.filterwarnings("ignore:setting remote_server_addr:DeprecationWarning"),
]

DRIVER = Path("/usr/bin/WebKitWebDriver")
TIMEOUT_S = 60


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """A virtual X11 display, which WebKitGTK needs."""
    missing = [name for name in ("Xvfb", DRIVER.name) if not shutil.which(name)]
    if missing:
        if os.environ.get("CI"):
            pytest.fail(f"{missing} are missing: .ci/run installs them")
        pytest.skip(f"{missing} are missing: apt-get install webkit2gtk-driver xvfb gstreamer1.0-libav")
    read_end, write_end = os.pipe()
    screen = ("-screen", "0", "1600x1000x24", "-nolisten", "tcp")
    xvfb = subprocess.Popen(["Xvfb", "-displayfd", str(write_end), *screen], pass_fds=[write_end])
    os.close(write_end)
    with os.fdopen(read_end) as numbers:
        yield f":{numbers.readline().strip()}"
    xvfb.terminate()
    xvfb.wait(20)


@pytest.fixture(scope="module")
def driver(display: str) -> Iterator[WebKitGTK]:
    options = Options()
    (browser,) = Path("/usr/lib").glob("*/webkit2gtk-4.1/MiniBrowser")
    options.binary_location = str(browser)
    options.add_argument("--automation")
    # The sandbox refuses to run as root, as CI does. There is no GPU.
    environ = {"WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1", "WEBKIT_DISABLE_DMABUF_RENDERER": "1"}
    service = Driver(str(DRIVER), env=os.environ | environ | {"DISPLAY": display})
    driver = WebKitGTK(options=options, service=service)
    driver.set_window_size(1440, 900)
    yield driver
    driver.quit()


class BrowserPage:
    """The page that WebKit shows."""

    def __init__(self, driver: WebKitGTK) -> None:
        self.driver = driver
        # The second is raised if the page is replaced meanwhile.
        ignored = (NoSuchElementException, NoSuchFrameException, StaleElementReferenceException)
        self._wait = WebDriverWait(driver, TIMEOUT_S, poll_frequency=0.1, ignored_exceptions=ignored)

    def find(self, css: str) -> WebElement:
        """Return the element once it is visible."""
        found: WebElement = self._wait.until(lambda driver: self._find_visible(css), css)
        return found

    def click_button(self, text: str) -> None:
        """Click the button or link with this text once it is visible."""
        path = f"//*[self::button or self::a][contains(normalize-space(), '{text}')]"
        button: WebElement = self._wait.until(lambda driver: self._find_visible(path, By.XPATH), text)
        # WebDriver would scroll it behind the action bar.
        self.driver.execute_script("arguments[0].scrollIntoView({ block: 'center' })", button)
        button.click()

    def wait_for_text(self, css: str, text: str) -> None:
        self._wait.until(lambda driver: text in driver.find_element(By.CSS_SELECTOR, css).text, text)

    def wait_for_url(self, part: str) -> None:
        self._wait.until(lambda driver: part in driver.current_url, part)

    def evaluate(self, expression: str) -> Any:
        return self.driver.execute_script(f"return {expression}")

    def _find_visible(self, selector: str, by: str = By.CSS_SELECTOR) -> WebElement | None:
        elements = self.driver.find_elements(by, selector)
        return next((element for element in elements if element.is_displayed()), None)


@pytest.fixture
def page(driver: WebKitGTK) -> BrowserPage:
    return BrowserPage(driver)


def test_clip_becomes_shared_background(
    page: BrowserPage, service: Service, plain_clip: Path, tmp_path: Path
) -> None:
    page.driver.get(f"{service.url}/?duration=2")
    page.driver.find_element(By.ID, "video").send_keys(str(plain_clip))
    page.wait_for_url("/uploads/")
    page.wait_for_text("h1", "Choose a part of your video")

    page.click_button("Play loop")
    wait_for(lambda: page.evaluate("document.querySelector('#studio video').currentTime > 0.5"), "the loop")
    page.click_button("Stop")
    field = page.find("#start_time")
    field.clear()
    field.send_keys("0:01.5" + Keys.TAB)
    wait_for(lambda: "start_time" in page.driver.current_url, "the start in the address")
    assert page.evaluate("document.querySelector('[data-part=slider]').value") == "1.5"
    length = page.find("#duration")
    length.send_keys(Keys.END, Keys.BACKSPACE, "1")
    page.wait_for_text("[data-part=summary]", "1 sec, 1280 × 720")
    page.wait_for_text("[data-size=balanced]", "about")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    page.click_button("Make background")
    page.wait_for_url("/jobs/")
    page.wait_for_text("h1", "Your background is ready")
    gif_path = tmp_path / "o.gif"
    curl("-o", str(gif_path), page.find("a.button.primary").get_attribute("href") or "")
    with Image.open(gif_path) as image:
        assert (image.size, image.n_frames, image.info["loop"]) == ((1280, 720), 24, 0)

    page.click_button("Create link")
    page.driver.get(page.find("#links input").get_attribute("value") or "")
    page.wait_for_text("h1", "Someone shared a background with you")
    wait_for(lambda: page.evaluate("document.querySelector('main video').currentTime > 0"), "the preview")


def test_unreadable_file_leads_back_to_start_page(
    page: BrowserPage, service: Service, tmp_path: Path
) -> None:
    path = tmp_path / "fake.mp4"
    path.write_text("no video" * 100)
    page.driver.get(service.url)
    page.driver.find_element(By.ID, "video").send_keys(str(path))
    page.wait_for_text("#error", "We can’t read this file as a video")
    assert page.driver.current_url == f"{service.url}/"
