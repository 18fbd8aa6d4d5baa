"""Static files are cached forever under versioned URLs and are never stale."""

import io
import re
import shutil
from pathlib import Path

import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient
from PIL import Image

from chromi.db import Job
from chromi.web.http.static_files import FOLDER, PAGE_SCRIPTS, STYLESHEET, Assets
from tests.support.http_forms import PAGE

STATIC_URL = re.compile(r'(?:src|href)="(/static/[^"]+)"')
CACHED_FOREVER = "public, max-age=31536000, immutable"
CSS_RULE = re.compile(r"([^{}]+)\{")


@pytest.fixture
def stylesheet_url(app: Flask) -> str:
    with app.test_request_context():
        return url_for("static", filename=STYLESHEET)


# -- URLs and caching --------------------------------------------------------------------------------------


def test_static_files_of_page_are_cached_forever(client: FlaskClient) -> None:
    urls = STATIC_URL.findall(client.get("/", headers=PAGE).text)
    assert len(urls) > 10
    for url in urls:
        response = client.get(url)
        assert response.status_code == 200, url
        assert response.headers["Cache-Control"] == CACHED_FOREVER, url


@pytest.mark.slow
def test_version_changes_with_any_file(tmp_path: Path) -> None:
    before = Assets(FOLDER)
    shutil.copytree(FOLDER, tmp_path / "static")
    assert Assets(tmp_path / "static").version == before.version
    for name in ("js/format.js", "css/components/cards.css"):
        version = Assets(tmp_path / "static").version
        with (tmp_path / "static" / name).open("a") as file:
            file.write("\n.new { color: red; }\n")
        assert Assets(tmp_path / "static").version != version, name


@pytest.mark.parametrize("folder", ["", "v-000000000000/"])
def test_other_versions_return_current_file_uncached(
    client: FlaskClient, stylesheet_url: str, folder: str
) -> None:
    response = client.get(f"/static/{folder}{STYLESHEET}")
    assert response.data == client.get(stylesheet_url).data
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
        "v-0/css/app.css",
        "css/base.css",
    ],
)
def test_unknown_file_gets_404(client: FlaskClient, name: str) -> None:
    response = client.get(f"/static/{name}")
    assert response.status_code == 404
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("encoding", ["identity", "gzip", "br"])
def test_known_etag_gets_304(client: FlaskClient, stylesheet_url: str, encoding: str) -> None:
    accept_encoding = {"Accept-Encoding": encoding}
    first = client.get(stylesheet_url, headers=accept_encoding)
    second = client.get(stylesheet_url, headers=accept_encoding | {"If-None-Match": first.headers["ETag"]})
    assert (second.status_code, second.data) == (304, b"")
    assert second.headers["ETag"] == first.headers["ETag"]
    assert second.headers["Cache-Control"] == first.headers["Cache-Control"]


def test_range_request_gets_uncompressed_part(client: FlaskClient, stylesheet_url: str) -> None:
    whole = client.get(stylesheet_url).data
    headers = {"Range": "bytes=100-999", "Accept-Encoding": "br, gzip"}
    response = client.get(stylesheet_url, headers=headers)
    assert (response.status_code, response.data) == (206, whole[100:1000])
    assert "Content-Encoding" not in response.headers


def test_static_file_varies_by_encoding_only(client: FlaskClient, stylesheet_url: str) -> None:
    response = client.get(stylesheet_url, headers={"Accept-Encoding": "br"})
    assert response.headers["Vary"] == "Accept-Encoding"


def test_head_has_same_headers_as_get(client: FlaskClient, stylesheet_url: str) -> None:
    for encoding in ("identity", "br"):
        headers = {"Accept-Encoding": encoding}
        get, head = (send(stylesheet_url, headers=headers) for send in (client.get, client.head))
        assert head.data == b""
        for name in ("Content-Length", "Content-Type", "ETag", "Cache-Control"):
            assert head.headers[name] == get.headers[name], name


# -- scripts -----------------------------------------------------------------------------------------------


def test_each_page_has_one_script_besides_those_it_loads_later() -> None:
    names = {name for name in Assets(FOLDER).files if name.startswith("js/")}
    pages = {path.relative_to(FOLDER).as_posix() for path in (FOLDER / PAGE_SCRIPTS).iterdir()}
    assert names == pages | {"js/open-studio.js", "js/start-page.js"}


def test_every_module_is_in_a_bundle() -> None:
    bundles = b"".join(text for name, text in Assets(FOLDER).files.items() if name.startswith("js/")).decode()
    modules = {path.relative_to(FOLDER).as_posix() for path in (FOLDER / "js").rglob("*.js")}
    assert modules
    assert [name for name in modules if f"const ${re.sub(r'[^a-z0-9]', '_', name)} = (" not in bundles] == []


# -- stylesheet --------------------------------------------------------------------------------------------


def test_stylesheet_contains_every_css_file_in_its_layer() -> None:
    index = (FOLDER / STYLESHEET).read_text()
    imports = re.findall(r'^@import "(.+)" layer\((\w+)\);$', index, re.MULTILINE)
    names = {path.relative_to(FOLDER / "css").as_posix() for path in (FOLDER / "css").rglob("*.css")}
    assert {name for name, _ in imports} == names - {"app.css"}
    folders = {"tokens.css": "tokens", "base.css": "base", "components": "components", "pages": "pages"}
    assert all(layer == folders[name.split("/")[0]] for name, layer in imports)
    stylesheet = Assets(FOLDER).files[STYLESHEET].decode()
    assert stylesheet.startswith("@layer tokens, base, components, pages;")
    assert "@import" not in stylesheet
    assert stylesheet.count("@layer components {") == len([each for each in imports if "components" in each])
    assert stylesheet.count("{") == stylesheet.count("}")


def test_page_loads_one_stylesheet(client: FlaskClient, stylesheet_url: str) -> None:
    html = client.get("/", headers=PAGE).text
    assert re.findall(r'<link rel="stylesheet" href="([^"]+)"', html) == [stylesheet_url]


def test_selectors_contain_no_ids() -> None:
    stylesheet = Assets(FOLDER).files[STYLESHEET].decode()
    selectors = [text for text in CSS_RULE.findall(stylesheet) if not text.strip().startswith("@")]
    assert len(selectors) > 200
    assert not [text for text in selectors if "#" in text.rpartition(";")[2]]


# -- icons and link previews -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "mimetype", "size_px"),
    [
        ("/favicon.ico", "image/png", (48, 48)),
        ("/static/apple-touch-icon.png", "image/png", (180, 180)),
        ("/static/social.jpg", "image/jpeg", (1200, 630)),
    ],
)
def test_icon_has_its_size(client: FlaskClient, url: str, mimetype: str, size_px: tuple[int, int]) -> None:
    response = client.get(url)
    assert response.mimetype == mimetype
    with Image.open(io.BytesIO(response.data)) as image:
        assert image.size == size_px


def test_start_page_has_open_graph_data(client: FlaskClient) -> None:
    html = client.get("/").text
    properties = dict(re.findall(r'<meta property="og:([^"]+)" content="([^"]+)">', html))
    assert properties["url"] == "http://localhost/"
    assert properties["title"] == "Turn any video into a Chrome new tab background"
    assert properties["image"].startswith("http://localhost/static/v-")
    assert client.get(properties["image"]).mimetype == "image/jpeg"
    assert '<meta name="twitter:card" content="summary_large_image">' in html


@pytest.mark.slow
def test_only_start_page_may_be_indexed(client: FlaskClient, upload: str, job: Job) -> None:
    assert "X-Robots-Tag" not in client.get("/", headers=PAGE).headers
    for url in (f"/uploads/{upload}/", f"/jobs/{job.id}/", "/health/", "/nowhere"):
        assert client.get(url, headers=PAGE).headers["X-Robots-Tag"] == "noindex", url
        assert "og:" not in client.get(url, headers=PAGE).text


def test_scripts_are_sent_without_doc_comments() -> None:
    scripts = {name: text for name, text in Assets(FOLDER).files.items() if name.startswith("js/")}
    assert not [name for name, text in scripts.items() if b"/**" in text]
    source = (FOLDER / "js/clamp.js").read_text()
    code = source[source.index("export function") :].removeprefix("export ")
    assert code in scripts["js/pages/studio.js"].decode()
