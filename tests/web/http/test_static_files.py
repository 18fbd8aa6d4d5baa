"""Static files have versioned URLs, under which browsers cache them indefinitely."""

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

STATIC_URL = re.compile(r'(?:src|href)="(/static/[^"]+)"')


@pytest.fixture
def css_url(app: Flask) -> str:
    """The versioned URL of app.css."""
    with app.test_request_context():
        return url_for("static", filename="app.css")


def test_versioned_files_are_cached_indefinitely(client: FlaskClient) -> None:
    urls = STATIC_URL.findall(client.get("/", headers=PAGE).text)
    assert len(urls) > 10
    for url in urls:
        response = client.get(url)
        assert response.status_code == 200, url
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable", url
        assert "no-store" not in response.headers["Cache-Control"]


def test_version_changes_with_any_file(tmp_path: Path) -> None:
    before = Assets(FOLDER)
    shutil.copytree(FOLDER, tmp_path / "static")
    assert Assets(tmp_path / "static").version == before.version
    with (tmp_path / "static/js/words.js").open("a") as script:
        script.write("\n")
    assert Assets(tmp_path / "static").version != before.version


@pytest.mark.parametrize("folder", ["", "v-000000000000/"])
def test_other_versions_give_the_current_file_without_caching(
    client: FlaskClient, css_url: str, folder: str
) -> None:
    response = client.get(f"/static/{folder}app.css")
    assert response.data == client.get(css_url).data
    assert response.headers["Cache-Control"] == "no-cache"


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
def test_unknown_file_is_not_found(client: FlaskClient, name: str) -> None:
    response = client.get(f"/static/{name}")
    assert response.status_code == 404
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("encoding", ["identity", "gzip", "br"])
def test_unchanged_file_is_not_sent_again(client: FlaskClient, css_url: str, encoding: str) -> None:
    headers = {"Accept-Encoding": encoding}
    first = client.get(css_url, headers=headers)
    second = client.get(css_url, headers=headers | {"If-None-Match": first.headers["ETag"]})
    assert (second.status_code, second.data) == (304, b"")
    assert second.headers["ETag"] == first.headers["ETag"]
    assert second.headers["Cache-Control"] == first.headers["Cache-Control"]


def test_range_is_sent_uncompressed(client: FlaskClient, css_url: str) -> None:
    whole = client.get(css_url).data
    response = client.get(css_url, headers={"Range": "bytes=100-999", "Accept-Encoding": "br, gzip"})
    assert (response.status_code, response.data) == (206, whole[100:1000])
    assert "Content-Encoding" not in response.headers


def test_file_varies_by_encoding_only(client: FlaskClient, css_url: str) -> None:
    assert client.get(css_url, headers={"Accept-Encoding": "br"}).headers["Vary"] == "Accept-Encoding"


def test_head_has_the_headers_of_get(client: FlaskClient, css_url: str) -> None:
    for encoding in ("identity", "br"):
        headers = {"Accept-Encoding": encoding}
        get, head = client.get(css_url, headers=headers), client.head(css_url, headers=headers)
        assert head.data == b""
        for name in ("Content-Length", "Content-Type", "ETag", "Cache-Control"):
            assert head.headers[name] == get.headers[name], name


def test_page_preloads_all_its_modules(client: FlaskClient) -> None:
    page = client.get("/", headers=PAGE).text
    preloaded = re.findall(r'<link rel="modulepreload" href="/static/v-\w+/([^"]+)"', page)
    assert sorted(preloaded) == sorted(Assets(FOLDER).modules_of("pages/start.js"))
    assert "js/upload.js" in preloaded
    assert "js/studio.js" not in preloaded, "the first page loads the studio's script later"


def test_every_module_is_imported_by_a_page() -> None:
    """No module is unused, and each import refers to a file."""
    assets = Assets(FOLDER)
    pages = [name for name in assets.files if name.startswith("pages/")]
    imported = {module for page in [*pages, "js/enter.js"] for module in assets.modules_of(page)}
    modules = {name for name in assets.files if name.startswith("js/")}
    assert modules == imported - {"app.js"} | {"js/enter.js"}


@pytest.mark.parametrize(
    ("path", "size_px"),
    [
        ("/favicon.ico", (48, 48)),
        ("/static/apple-touch-icon.png", (180, 180)),
        ("/static/social.png", (1200, 630)),
    ],
)
def test_icons_have_their_size(client: FlaskClient, path: str, size_px: tuple[int, int]) -> None:
    response = client.get(path)
    assert response.mimetype == "image/png"
    with Image.open(io.BytesIO(response.data)) as image:
        assert image.size == size_px


def test_first_page_has_open_graph_properties(client: FlaskClient) -> None:
    page = client.get("/").text
    properties = dict(re.findall(r'<meta property="og:([^"]+)" content="([^"]+)">', page))
    assert properties["url"] == "http://localhost/"
    assert properties["title"] == "Your clip, behind every new tab"
    assert properties["image"].startswith("http://localhost/static/v-")
    assert client.get(properties["image"]).mimetype == "image/png"
    assert '<meta name="twitter:card" content="summary_large_image">' in page


def test_only_the_first_page_may_be_indexed(client: FlaskClient, upload: str, job: Job) -> None:
    assert "X-Robots-Tag" not in client.get("/", headers=PAGE).headers
    for path in (f"/uploads/{upload}/", f"/jobs/{job.id}/", "/health/", "/nowhere"):
        assert client.get(path, headers=PAGE).headers["X-Robots-Tag"] == "noindex", path
        assert "og:" not in client.get(path, headers=PAGE).text
