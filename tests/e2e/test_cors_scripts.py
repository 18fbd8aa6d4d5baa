"""In a real browser, scripts of an allowed origin can use the API, and forms of that origin cannot."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import WebServerWith
from tests.support.running_service import Service
from tests.support.seeded_app import SeededApp

pytestmark = [pytest.mark.browser, pytest.mark.service]

CONVERT = """async url => {
    const form = new FormData();
    form.append("video", new Blob(["not a video"]), "clip.mp4");
    const response = await fetch(url + "/convert/", {
        method: "POST", body: form, headers: {"Idempotency-Key": "one", "Authorization": "Bearer token"},
    });
    const {error} = await response.json();
    return [response.status, error.code, response.headers.get("X-Request-Id") !== null];
}"""

UPLOAD_CHUNK = """async url => {
    const tus = {"Tus-Resumable": "1.0.0"};
    const created = await fetch(url + "/uploads/resumable/", {
        method: "POST", headers: {...tus, "Upload-Length": "9"},
    });
    const chunk = await fetch(url + created.headers.get("Location"), {
        method: "PATCH", body: "abc",
        headers: {...tus, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"},
    });
    return [created.status, chunk.status, chunk.headers.get("Upload-Offset")];
}"""

SEND_COOKIES = """async url => {
    try {
        await fetch(url + "/openapi.yaml", {credentials: "include"});
        return "allowed";
    } catch (error) {
        return error.name;
    }
}"""

SUBMIT_FORM = """url => {
    const form = document.createElement("form");
    Object.assign(form, {method: "POST", action: url + "/uploads/", enctype: "multipart/form-data"});
    document.body.append(form);
    form.submit();
}"""


class EmptyPage(BaseHTTPRequestHandler):
    """Returns an empty page for every path."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def other_site() -> Iterator[str]:
    """The origin of another site."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), EmptyPage)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def open_service(other_site: str, web_server_with: WebServerWith) -> Service:
    """A web server that allows the other site's scripts."""
    return web_server_with({"cors_origins": other_site})


@pytest.fixture
def other_page(page: Page, other_site: str, console_errors: list[str]) -> Iterator[Page]:
    """A page of the other site. The browser logs each failed request."""
    page.goto(other_site)
    yield page
    console_errors.clear()


def test_script_can_call_the_api(other_page: Page, open_service: Service) -> None:
    assert other_page.evaluate(CONVERT, open_service.url) == [415, "not_a_video", True]
    assert other_page.evaluate(UPLOAD_CHUNK, open_service.url) == [201, 204, "3"]


def test_script_cannot_send_cookies(other_page: Page, open_service: Service) -> None:
    assert other_page.evaluate(SEND_COOKIES, open_service.url) == "TypeError"


def test_form_is_rejected(other_page: Page, open_service: Service) -> None:
    other_page.evaluate(SUBMIT_FORM, open_service.url)
    expect(other_page.get_by_text("came from another site")).to_be_visible()


def test_script_of_a_site_that_is_not_allowed_can_read_nothing(
    other_page: Page, seeded_app: SeededApp
) -> None:
    before = set(seeded_app.service.media_files())
    with pytest.raises(Exception, match="Failed to fetch"):
        other_page.evaluate(CONVERT, seeded_app.url)
    assert set(seeded_app.service.media_files()) == before
