"""Links with a limited number of downloads: only a deliberate act uses one of them up."""

import re

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chromi.db import Job, Link, database
from tests.support.http_forms import PAGE
from tests.support.waiting import wait_for

PREVIEWERS = [
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
ACCEPTED = ["*/*", "text/html,*/*;q=0.8", "application/json", "image/*", ""]
TYPED = ["curl/8.5.0", "curl/7.19.7 (x86_64-redhat-linux-gnu) libcurl/7.19.7", "Wget/1.21.3", "aria2/1.36.0"]
BROWSER = PAGE | {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0",
    "Sec-Fetch-Site": "same-origin",
}


@pytest.fixture
def url(client: FlaskClient, job: Job) -> str:
    """The address of a link that works twice."""
    made: str = client.post(f"/jobs/{job.id}/links/", data={"max_uses": "2"}).get_json()["url"]
    return made.removeprefix("http://localhost")


def counted_link() -> Link:
    with database.connection_context():
        link: Link = Link.get(Link.max_uses.is_null(False))
    return link


def wait_for_uses(uses: int) -> None:
    wait_for(lambda: (counted_link().uses, counted_link().active_downloads) == (uses, 0), f"{uses} uses")


def press_button(client: FlaskClient, url: str) -> TestResponse:
    """Send the page's form as a browser does, but do not follow where it leads."""
    return client.post(url, data={"download": "1"}, headers=BROWSER)


@pytest.mark.parametrize("agent", PREVIEWERS)
def test_a_previewer_gets_the_page_whatever_it_is_called(client: FlaskClient, url: str, agent: str) -> None:
    for accept in ACCEPTED:
        for extra in ({}, {"Range": "bytes=0-32767"}, {"Range": "bytes=0-", "If-Range": '"guess"'}):
            headers = {"User-Agent": agent, "Accept": accept, **extra}
            answer = client.get(url, headers=headers)
            assert (answer.status_code, answer.mimetype) == (200, "text/html"), headers
            assert f"{url}still.jpg" in answer.text
            assert client.head(url, headers=headers).mimetype == "text/html"
    assert (counted_link().uses, counted_link().active_downloads) == (0, 0)


def test_no_address_in_the_page_uses_a_download_up(client: FlaskClient, url: str) -> None:
    headers = {"User-Agent": "Iframely/1.3.1", "Accept": "*/*"}
    page = client.get(url, headers=headers).text
    addresses = re.findall(r'(?:href|src|action|content)="((?:/|http)[^"]*)"', page)
    assert url in addresses
    for address in (*addresses, f"{url}?file=1", f"{url}?download=", f"{url}?download=x"):
        answer = client.get(address, headers=headers)
        assert answer.mimetype != "image/gif", address
    assert (counted_link().uses, counted_link().active_downloads) == (0, 0)


@pytest.mark.parametrize("agent", TYPED)
def test_a_program_that_people_type_gets_the_file(
    client: FlaskClient, url: str, gif: bytes, agent: str
) -> None:
    headers = {"User-Agent": agent, "Accept": "*/*"}
    assert client.head(url, headers=headers).content_length == len(gif)
    assert client.get(url, headers=headers).data == gif
    wait_for_uses(1)


def test_the_button_of_the_page_gives_a_browser_the_file(client: FlaskClient, url: str, gif: bytes) -> None:
    page = client.get(url, headers=BROWSER)
    assert re.search(
        rf'<form action="{re.escape(url)}" method="post">\s*<button [^>]*name="download"', page.text
    )
    pressed = press_button(client, url)
    assert pressed.status_code == 303
    assert client.head(pressed.location, headers=BROWSER).mimetype == "image/gif"
    assert counted_link().uses == 0
    answer = client.get(pressed.location, headers=BROWSER)
    assert answer.data == gif
    assert answer.headers["Content-Disposition"] == "attachment; filename=chromi_background.gif"
    assert "no-store" in answer.headers["Cache-Control"]
    wait_for_uses(1)


def test_a_program_posts_and_gets_the_file(client: FlaskClient, url: str, gif: bytes) -> None:
    assert client.post(url, headers={"User-Agent": "python-requests/2.31.0", "Accept": "*/*"}).data == gif
    wait_for_uses(1)


def test_another_sites_form_starts_no_download(client: FlaskClient, url: str) -> None:
    headers = BROWSER | {"Sec-Fetch-Site": "cross-site"}
    assert client.post(url, data={"download": "1"}, headers=headers).status_code == 403


def test_a_used_up_link_says_so_when_the_button_is_pressed(client: FlaskClient, url: str) -> None:
    Link.update(uses=2).where(Link.max_uses == 2).execute()
    answer = press_button(client, url)
    assert answer.status_code == 410
    assert "This link has been used" in answer.text


def test_an_explicit_download_gets_the_file_whatever_asks(client: FlaskClient, url: str, gif: bytes) -> None:
    headers = {"User-Agent": "Go-http-client/2.0", "Accept": "*/*"}
    assert client.head(f"{url}?download=1", headers=headers).mimetype == "image/gif"
    assert counted_link().uses == 0
    assert client.get(f"{url}?download=1", headers=headers).data == gif
    wait_for_uses(1)


# -- resuming ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "condition",
    ["If-Range", "If-Match"],
    ids=["as browsers do", "as Android does"],
)
def test_a_browser_resumes_a_cut_download_by_the_links_own_address(
    client: FlaskClient, url: str, gif: bytes, condition: str
) -> None:
    cut = client.get(press_button(client, url).location, headers=BROWSER, buffered=False)
    start = next(cut.iter_encoded())
    cut.close()
    wait_for_uses(0)
    headers = {"Range": f"bytes={len(start)}-", condition: cut.headers["ETag"], "Accept": "*/*"}
    rest = client.get(url, headers=headers | {"User-Agent": BROWSER["User-Agent"]})
    assert rest.status_code == 206
    assert start + rest.data == gif
    wait_for_uses(1)
