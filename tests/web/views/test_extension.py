"""The background as an extension: what the ZIP holds, and who gets it."""

import io
import json
import os
import time
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

import pytest
from flask.testing import FlaskClient
from PIL import Image

from chromi.db import Job, Link
from chromi.storage import Storage
from chromi.tokens import TokenSigner
from tests.support.http_forms import PAGE, files_in


@pytest.fixture
def url(client: FlaskClient, job: Job) -> str:
    own: str = client.get(f"/jobs/{job.id}/").get_json()["converted_url"]
    return f"{own}extension.zip"


def test_the_zip_is_a_whole_extension(client: FlaskClient, url: str, job: Job, storage: Storage) -> None:
    answer = client.get(url)
    assert answer.status_code == 200
    with ZipFile(io.BytesIO(answer.data)) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == [
            *("background.gif", "icon.png", "manifest.json"),
            *("newtab.css", "newtab.html", "newtab.js", "still.jpg"),
        ]
        assert archive.getinfo("background.gif").compress_type == ZIP_STORED
        assert archive.getinfo("background.gif").flag_bits == 0, (
            "its length stands before it, for all unpackers"
        )
        assert archive.read("background.gif") == storage.result_path(job.id).read_bytes()
        manifest = json.loads(archive.read("manifest.json"))
        page = archive.read("newtab.html").decode()
        icon = Image.open(io.BytesIO(archive.read("icon.png")))
    assert manifest["manifest_version"] == 3
    assert manifest["chrome_url_overrides"] == {"newtab": "newtab.html"}
    assert manifest["permissions"] == ["search"], "the browser's own search engine, and nothing else"
    assert "http" not in page, "nothing is loaded from elsewhere"
    assert (icon.format, icon.size) == ("PNG", (128, 128))


def test_it_comes_as_a_file_and_can_be_resumed(client: FlaskClient, url: str) -> None:
    answer = client.get(url)
    assert answer.content_type == "application/zip"
    assert answer.headers["Content-Disposition"] == "attachment; filename=chromi_new_tab.zip"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.content_length == len(answer.data)
    rest = client.get(url, headers={"Range": "bytes=1000-", "If-Range": answer.headers["ETag"]})
    assert rest.status_code == 206
    assert answer.data[:1000] + rest.data == answer.data
    assert client.head(url).content_length == len(answer.data)


def test_every_part_of_it_can_be_asked_for(client: FlaskClient, url: str, gif: bytes) -> None:
    whole = client.get(url).data
    gif_at = whole.index(gif)
    edges = (0, 1, gif_at, gif_at + len(gif), len(whole))
    for edge in edges:
        start, stop = max(0, edge - 10), min(len(whole), edge + 10)
        part = client.get(url, headers={"Range": f"bytes={start}-{stop - 1}"})
        assert (part.status_code, part.data) == (206, whole[start:stop])
    assert client.get(url, headers={"Range": f"bytes={len(whole)}-"}).status_code == 416


def test_in_another_language_it_is_another_file(client: FlaskClient, url: str) -> None:
    english, german = (client.get(url, headers={"Accept-Language": name}) for name in ("en", "de"))
    assert english.data != german.data
    resumed = {"Accept-Language": "de", "Range": "bytes=1000-", "If-Range": english.headers["ETag"]}
    assert client.get(url, headers=resumed).data == german.data


def test_it_is_counted_as_no_download(client: FlaskClient, url: str) -> None:
    client.get(url)
    assert Link.get().uses == 0


def disk_bytes(storage: Storage) -> int:
    """What lies in the media folder, and what has no name there any more but is still open."""
    named = [path.stat() for path in map(Path, files_in(storage)) if path.is_file()]
    media = str(storage.results.parent)
    unnamed = [
        path.stat()
        for path in Path("/proc/self/fd").iterdir()
        if path.is_symlink() and os.readlink(path).startswith(media) and path.stat().st_nlink == 0
    ]
    return sum(stat.st_size for stat in named + unnamed)


def test_stalled_downloads_of_it_take_no_room(client: FlaskClient, url: str, storage: Storage) -> None:
    before = disk_bytes(storage)
    answers = [client.get(url, buffered=False) for _ in range(20)]
    try:
        assert disk_bytes(storage) == before
        assert ZipFile(io.BytesIO(answers[19].data)).testzip() is None
    finally:
        for answer in answers:
            answer.close()
    client.head(url)
    assert disk_bytes(storage) == before


@pytest.mark.parametrize("name", ["extension.zip", "source.jpg", "first.png"])
def test_a_share_link_opens_only_the_background(client: FlaskClient, job: Job, name: str) -> None:
    shared = client.post(f"/jobs/{job.id}/links/", data={"expires": "1h"}).get_json()["url"]
    assert client.get(f"{shared}{name}").status_code == 404


@pytest.mark.parametrize("name", ["extension.zip", "source.jpg", "first.png"])
def test_an_expired_link_opens_nothing(client: FlaskClient, url: str, name: str) -> None:
    Link.update(expires_at=time.time() - 1).execute()
    assert client.get(url.replace("extension.zip", name)).status_code == 410


@pytest.mark.parametrize("name", ["extension.zip", "source.jpg", "first.png"])
def test_a_tampered_or_foreign_token_is_not_found(client: FlaskClient, url: str, name: str) -> None:
    token, link = url.split("/")[2], Link.get()
    foreign = TokenSigner(["another key, long enough"]).sign_download(link.id, link.created_at)
    for wrong in ("x" + token[1:], token[:-6], foreign):
        assert client.get(f"/download/{wrong}/{name}").status_code == 404


@pytest.mark.parametrize("name", ["extension.zip", "source.jpg", "first.png"])
def test_a_missing_file_is_gone(client: FlaskClient, url: str, job: Job, storage: Storage, name: str) -> None:
    storage.remove_result(job.id)
    assert client.get(url.replace("extension.zip", name)).status_code == 410


def test_the_first_picture_is_shown_before_and_after(client: FlaskClient, url: str) -> None:
    for name, kind in (("source.jpg", "JPEG"), ("first.png", "PNG")):
        answer = client.get(url.replace("extension.zip", name))
        with Image.open(io.BytesIO(answer.data)) as image:
            assert (image.format, image.size) == (kind, (1280, 720))
        assert answer.headers["Cache-Control"].startswith("private")


def test_the_page_says_what_the_extension_does(client: FlaskClient, job: Job, url: str) -> None:
    page = client.get(f"/jobs/{job.id}/", headers=PAGE).text
    assert f'href="{url}"' in page
    assert "in place of Google’s new tab page" in page


def test_a_result_without_a_source_frame_is_not_compared(
    client: FlaskClient, job: Job, storage: Storage
) -> None:
    address = f"/jobs/{job.id}/"
    assert "Compare it" in client.get(address, headers=PAGE).text
    storage.source_frame_path(job.id).unlink()
    assert "Compare it" not in client.get(address, headers=PAGE).text
