"""Links with a limited number of downloads: only a deliberate download counts as a use."""

import re

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chromi.db import Job, Link, database
from tests.support.http_forms import PAGE
from tests.support.waiting import wait_for

pytestmark = pytest.mark.slow

PREVIEW_BOTS = [
    "Mozilla/5.0 (compatible; Rocket.Chat/6.5; +https://rocket.chat)",
    "Iframely/1.3.1 (+https://iframely.com/docs/about)",
    "Viber/20.5.0",
    "Mozilla/5.0 (compatible; vkShare; +http://vk.com/dev/Share)",
    "Bluesky Cardyb/1.1; mailto:support@bsky.app",
    "Slack-ImgProxy (+https://api.slack.com/robots)",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "node-fetch/1.0 (+https://github.com/bitinn/node-fetch)",
    "Go-http-client/2.0",
    "WhatsApp/2.23",
    "python-requests/2.31.0",
    "Mozilla/5.0 (compatible; SomePreview/1.0) curl/8.5.0",
    "libcurl-agent/1.0",
    "",
]
ACCEPT_HEADERS = ["*/*", "text/html,*/*;q=0.8", "application/json", "image/*", ""]
COMMAND_LINE_CLIENTS = [
    "curl/8.5.0",
    "curl/7.19.7 (x86_64-redhat-linux-gnu) libcurl/7.19.7",
    "Wget/1.21.3",
    "aria2/1.36.0",
]
BROWSER = PAGE | {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0",
    "Sec-Fetch-Site": "same-origin",
}


@pytest.fixture
def url(client: FlaskClient, job: Job) -> str:
    """The URL of a link with two uses."""
    url: str = client.post(f"/jobs/{job.id}/links/", data={"max_uses": "2"}).get_json()["url"]
    return url.removeprefix("http://localhost")


def limited_link() -> Link:
    with database.connection_context():
        link: Link = Link.get(Link.max_uses.is_null(False))
    return link


def wait_for_uses(uses: int) -> None:
    wait_for(lambda: (limited_link().uses, limited_link().active_downloads) == (uses, 0), f"{uses} uses")


def press_button(client: FlaskClient, url: str) -> TestResponse:
    """Submit the page's form as a browser does, without following the redirect."""
    return client.post(url, data={"download": "1"}, headers=BROWSER)


@pytest.mark.parametrize("agent", PREVIEW_BOTS)
def test_preview_bot_gets_the_page_for_any_headers(client: FlaskClient, url: str, agent: str) -> None:
    for accept in ACCEPT_HEADERS:
        for extra in ({}, {"Range": "bytes=0-32767"}, {"Range": "bytes=0-", "If-Range": '"guess"'}):
            headers = {"User-Agent": agent, "Accept": accept, **extra}
            response = client.get(url, headers=headers)
            assert (response.status_code, response.mimetype) == (200, "text/html"), headers
            assert f"{url}still.jpg" in response.text
            assert client.head(url, headers=headers).mimetype == "text/html"
    assert (limited_link().uses, limited_link().active_downloads) == (0, 0)


def test_no_url_in_the_page_counts_as_a_download(client: FlaskClient, url: str) -> None:
    headers = {"User-Agent": "Iframely/1.3.1", "Accept": "*/*"}
    page = client.get(url, headers=headers).text
    urls = re.findall(r'(?:href|src|action|content)="((?:/|http)[^"]*)"', page)
    assert url in urls
    for each_url in (*urls, f"{url}?file=1", f"{url}?download=", f"{url}?download=x"):
        response = client.get(each_url, headers=headers)
        assert response.mimetype != "image/gif", each_url
    assert (limited_link().uses, limited_link().active_downloads) == (0, 0)


@pytest.mark.parametrize("agent", COMMAND_LINE_CLIENTS)
def test_command_line_client_gets_the_file(client: FlaskClient, url: str, gif: bytes, agent: str) -> None:
    headers = {"User-Agent": agent, "Accept": "*/*"}
    assert client.head(url, headers=headers).content_length == len(gif)
    assert client.get(url, headers=headers).data == gif
    wait_for_uses(1)


def test_page_button_gives_a_browser_the_file(client: FlaskClient, url: str, gif: bytes) -> None:
    page = client.get(url, headers=BROWSER)
    assert re.search(
        rf'<form action="{re.escape(url)}" method="post"[^>]*>\s*<button [^>]*name="download"', page.text
    )
    redirect = press_button(client, url)
    assert redirect.status_code == 303
    assert client.head(redirect.location, headers=BROWSER).mimetype == "image/gif"
    assert limited_link().uses == 0
    response = client.get(redirect.location, headers=BROWSER)
    assert response.data == gif
    assert response.headers["Content-Disposition"] == "attachment; filename=chromi_background.gif"
    assert "no-store" in response.headers["Cache-Control"]
    wait_for_uses(1)


def test_post_gives_a_program_the_file(client: FlaskClient, url: str, gif: bytes) -> None:
    assert client.post(url, headers={"User-Agent": "python-requests/2.31.0", "Accept": "*/*"}).data == gif
    wait_for_uses(1)


def test_cross_site_form_starts_no_download(client: FlaskClient, url: str) -> None:
    headers = BROWSER | {"Sec-Fetch-Site": "cross-site"}
    assert client.post(url, data={"download": "1"}, headers=headers).status_code == 403


def test_button_of_used_link_shows_410_page(client: FlaskClient, url: str) -> None:
    Link.update(uses=2).where(Link.max_uses == 2).execute()
    response = press_button(client, url)
    assert response.status_code == 410
    assert "No downloads left" in response.text


def test_download_parameter_gives_any_client_the_file(client: FlaskClient, url: str, gif: bytes) -> None:
    headers = {"User-Agent": "Go-http-client/2.0", "Accept": "*/*"}
    assert client.head(f"{url}?download=1", headers=headers).mimetype == "image/gif"
    assert limited_link().uses == 0
    assert client.get(f"{url}?download=1", headers=headers).data == gif
    wait_for_uses(1)


def test_rejected_if_match_does_not_count_as_a_download(client: FlaskClient, url: str, gif: bytes) -> None:
    headers = {"User-Agent": "curl/8.5.0", "If-Match": '"another"'}
    response = client.get(url, headers=headers)
    assert (response.status_code, response.mimetype) == (412, "application/json")
    wait_for_uses(0)
    assert client.get(url, headers={"User-Agent": "curl/8.5.0", "If-Match": "*"}).data == gif
    wait_for_uses(1)


# -- resuming ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "condition",
    ["If-Range", "If-Match"],
    ids=["browsers", "Android"],
)
def test_browser_resumes_interrupted_download_at_the_links_url(
    client: FlaskClient, url: str, gif: bytes, condition: str
) -> None:
    interrupted = client.get(press_button(client, url).location, headers=BROWSER, buffered=False)
    start = next(interrupted.iter_encoded())
    interrupted.close()
    wait_for_uses(0)
    headers = {"Range": f"bytes={len(start)}-", condition: interrupted.headers["ETag"], "Accept": "*/*"}
    rest = client.get(url, headers=headers | {"User-Agent": BROWSER["User-Agent"]})
    assert rest.status_code == 206
    assert start + rest.data == gif
    wait_for_uses(1)
