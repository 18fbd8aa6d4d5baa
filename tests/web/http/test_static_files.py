"""Static files: kept for ever under an address of their own, and never stale."""

import io
import re
import shutil
from pathlib import Path

import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient
from PIL import Image

from chromi.db import Job
from chromi.web.http.static_files import FOLDER, Assets
from tests.support.http_forms import PAGE

ADDRESS = re.compile(r'(?:src|href)="(/static/[^"]+)"')


@pytest.fixture
def style(app: Flask) -> str:
    """The style's address."""
    with app.test_request_context():
        return url_for("static", filename="app.css")


def test_every_file_of_a_page_is_kept_for_ever(client: FlaskClient) -> None:
    addresses = ADDRESS.findall(client.get("/", headers=PAGE).text)
    assert len(addresses) > 10
    for address in addresses:
        answer = client.get(address)
        assert answer.status_code == 200, address
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable", address
        assert "no-store" not in answer.headers["Cache-Control"]


def test_the_address_changes_with_any_file(tmp_path: Path) -> None:
    before = Assets(FOLDER)
    shutil.copytree(FOLDER, tmp_path / "static")
    assert Assets(tmp_path / "static").version == before.version
    with (tmp_path / "static/js/words.js").open("a") as script:
        script.write("\n")
    assert Assets(tmp_path / "static").version != before.version


@pytest.mark.parametrize("folder", ["", "v-000000000000/"])
def test_other_addresses_give_todays_file_and_are_not_kept(
    client: FlaskClient, style: str, folder: str
) -> None:
    answer = client.get(f"/static/{folder}app.css")
    assert answer.data == client.get(style).data
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "name",
    [
        "nothing.css",
        "v-000000000000/nothing.css",
        "../config.py",
        "%2e%2e/config.py",
        "js/",
        "",
        "v-0/app.css",
    ],
)
def test_what_is_no_file_is_not_found(client: FlaskClient, name: str) -> None:
    answer = client.get(f"/static/{name}")
    assert answer.status_code == 404
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("encoding", ["identity", "gzip", "br"])
def test_a_file_that_is_known_is_not_sent_again(client: FlaskClient, style: str, encoding: str) -> None:
    accepted = {"Accept-Encoding": encoding}
    first = client.get(style, headers=accepted)
    again = client.get(style, headers=accepted | {"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Cache-Control"] == first.headers["Cache-Control"]


def test_a_part_of_a_file_is_sent_as_it_is(client: FlaskClient, style: str) -> None:
    whole = client.get(style).data
    answer = client.get(style, headers={"Range": "bytes=100-999", "Accept-Encoding": "br, gzip"})
    assert (answer.status_code, answer.data) == (206, whole[100:1000])
    assert "Content-Encoding" not in answer.headers


def test_a_file_varies_by_its_encoding_alone(client: FlaskClient, style: str) -> None:
    assert client.get(style, headers={"Accept-Encoding": "br"}).headers["Vary"] == "Accept-Encoding"


def test_head_tells_what_get_would(client: FlaskClient, style: str) -> None:
    for encoding in ("identity", "br"):
        got, head = (ask(style, headers={"Accept-Encoding": encoding}) for ask in (client.get, client.head))
        assert head.data == b""
        for name in ("Content-Length", "Content-Type", "ETag", "Cache-Control"):
            assert head.headers[name] == got.headers[name], name


def test_each_page_asks_for_all_its_modules_at_once(client: FlaskClient) -> None:
    page = client.get("/", headers=PAGE).text
    named = re.findall(r'<link rel="modulepreload" href="/static/v-\w+/([^"]+)"', page)
    assert sorted(named) == sorted(Assets(FOLDER).modules_of("pages/start.js"))
    assert "js/upload.js" in named
    assert "js/studio.js" not in named, "the studio's script comes when the first page is there"


def test_every_script_is_some_pages() -> None:
    """No module is left over, and each import names a file."""
    assets = Assets(FOLDER)
    pages = [name for name in assets.files if name.startswith("pages/")]
    reached = {module for page in [*pages, "js/enter.js"] for module in assets.modules_of(page)}
    assert {name for name in assets.files if name.startswith("js/")} == reached - {"app.js"} | {"js/enter.js"}


@pytest.mark.parametrize(
    ("address", "size_px"),
    [
        ("/favicon.ico", (48, 48)),
        ("/static/apple-touch-icon.png", (180, 180)),
        ("/static/social.png", (1200, 630)),
    ],
)
def test_the_icons_are_pictures_of_their_size(
    client: FlaskClient, address: str, size_px: tuple[int, int]
) -> None:
    answer = client.get(address)
    assert answer.mimetype == "image/png"
    with Image.open(io.BytesIO(answer.data)) as picture:
        assert picture.size == size_px


def test_the_first_page_tells_link_previews_of_itself(client: FlaskClient) -> None:
    page = client.get("/").text
    told = dict(re.findall(r'<meta property="og:([^"]+)" content="([^"]+)">', page))
    assert told["url"] == "http://localhost/"
    assert told["title"] == "Your clip, behind every new tab"
    assert told["image"].startswith("http://localhost/static/v-")
    assert client.get(told["image"]).mimetype == "image/png"
    assert '<meta name="twitter:card" content="summary_large_image">' in page


def test_search_engines_may_list_the_first_page_alone(client: FlaskClient, upload: str, job: Job) -> None:
    assert "X-Robots-Tag" not in client.get("/", headers=PAGE).headers
    for address in (f"/uploads/{upload}/", f"/jobs/{job.id}/", "/health/", "/nowhere"):
        assert client.get(address, headers=PAGE).headers["X-Robots-Tag"] == "noindex", address
        assert "og:" not in client.get(address, headers=PAGE).text
