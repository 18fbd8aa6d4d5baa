"""The GIF as a browser extension: the content of the ZIP, its delivery, and access to it."""

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
from chromi.web.views import extension
from tests.support.http_forms import PAGE, files_in

pytestmark = pytest.mark.slow


@pytest.fixture
def url(client: FlaskClient, job: Job) -> str:
    own_url: str = client.get(f"/jobs/{job.id}/").get_json()["converted_url"]
    return f"{own_url}extension.zip"


def test_zip_is_a_complete_extension(client: FlaskClient, url: str, job: Job, storage: Storage) -> None:
    response = client.get(url)
    assert response.status_code == 200
    with ZipFile(io.BytesIO(response.data)) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == [
            *("background.gif", "icon.png", "manifest.json"),
            *("newtab.css", "newtab.html", "newtab.js", "still.jpg"),
        ]
        assert archive.getinfo("background.gif").compress_type == ZIP_STORED
        flags = archive.getinfo("background.gif").flag_bits
        assert flags == 0, "some programs cannot unpack entries whose size follows the data"
        assert archive.read("background.gif") == storage.result_path(job.id).read_bytes()
        manifest = json.loads(archive.read("manifest.json"))
        page = archive.read("newtab.html").decode()
        icon = Image.open(io.BytesIO(archive.read("icon.png")))
    assert manifest["manifest_version"] == 3
    assert manifest["chrome_url_overrides"] == {"newtab": "newtab.html"}
    assert manifest["permissions"] == ["search"], "only the browser's search engine is used"
    assert "http" not in page, "nothing is loaded from other hosts"
    assert (icon.format, icon.size) == ("PNG", (128, 128))


def test_zip_is_an_attachment_and_supports_ranges(client: FlaskClient, url: str) -> None:
    response = client.get(url)
    assert response.content_type == "application/zip"
    assert response.headers["Content-Disposition"] == "attachment; filename=chromi_new_tab.zip"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.content_length == len(response.data)
    rest = client.get(url, headers={"Range": "bytes=1000-", "If-Range": response.headers["ETag"]})
    assert rest.status_code == 206
    assert response.data[:1000] + rest.data == response.data
    assert client.head(url).content_length == len(response.data)


def test_range_across_entries_has_the_bytes_of_the_zip(client: FlaskClient, url: str, gif: bytes) -> None:
    whole = client.get(url).data
    gif_at = whole.index(gif)
    boundaries = (0, 1, gif_at, gif_at + len(gif), len(whole))
    for boundary in boundaries:
        start, stop = max(0, boundary - 10), min(len(whole), boundary + 10)
        partial = client.get(url, headers={"Range": f"bytes={start}-{stop - 1}"})
        assert (partial.status_code, partial.data) == (206, whole[start:stop])
    assert client.get(url, headers={"Range": f"bytes={len(whole)}-"}).status_code == 416


def test_zip_of_another_language_has_another_etag(client: FlaskClient, url: str) -> None:
    english, german = (client.get(url, headers={"Accept-Language": name}) for name in ("en", "de"))
    assert english.data != german.data
    headers = {"Accept-Language": "de", "Range": "bytes=1000-", "If-Range": english.headers["ETag"]}
    assert client.get(url, headers=headers).data == german.data


def test_zip_is_not_counted_as_a_download(client: FlaskClient, url: str) -> None:
    client.get(url)
    assert Link.get().uses == 0


def disk_bytes(storage: Storage) -> int:
    """Return the size of all files in the media folder, including unlinked files that are still open."""
    linked = [path.stat() for path in map(Path, files_in(storage)) if path.is_file()]
    media = str(storage.results.parent)
    unlinked = [
        path.stat()
        for path in Path("/proc/self/fd").iterdir()
        if path.is_symlink() and os.readlink(path).startswith(media) and path.stat().st_nlink == 0
    ]
    return sum(stat.st_size for stat in linked + unlinked)


def test_stalled_downloads_need_no_disk_space(client: FlaskClient, url: str, storage: Storage) -> None:
    before = disk_bytes(storage)
    responses = [client.get(url, buffered=False) for _ in range(20)]
    try:
        assert disk_bytes(storage) == before
        assert ZipFile(io.BytesIO(responses[19].data)).testzip() is None
    finally:
        for response in responses:
            response.close()
    client.head(url)
    assert disk_bytes(storage) == before


def test_zip_is_built_once_for_several_active_downloads(
    client: FlaskClient, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = client.get(url, buffered=False)
    monkeypatch.setattr(extension, "build_extension", lambda path: 1 / 0)
    assert client.get(url).data == first.data
    first.close()


@pytest.mark.parametrize("name", ["extension.zip", "source.jpg", "first.png"])
def test_share_link_gives_no_access(client: FlaskClient, job: Job, name: str) -> None:
    shared = client.post(f"/jobs/{job.id}/links/", data={"expires": "1h"}).get_json()["url"]
    assert client.get(f"{shared}{name}").status_code == 404


@pytest.mark.parametrize("name", ["extension.zip", "source.jpg", "first.png"])
def test_expired_link_gives_no_access(client: FlaskClient, url: str, name: str) -> None:
    Link.update(expires_at=time.time() - 1).execute()
    assert client.get(url.replace("extension.zip", name)).status_code == 410


@pytest.mark.parametrize("name", ["extension.zip", "source.jpg", "first.png"])
def test_tampered_token_or_token_signed_with_another_key_is_not_found(
    client: FlaskClient, url: str, name: str
) -> None:
    own_token, link = url.split("/")[2], Link.get()
    foreign = TokenSigner(["another key, long enough"]).sign_link(link.code)
    for token in ("*" + own_token[1:], own_token[:-6], foreign):
        assert client.get(f"/download/{token}/{name}").status_code == 404


@pytest.mark.parametrize("name", ["extension.zip", "source.jpg", "first.png"])
def test_missing_file_gets_410(client: FlaskClient, url: str, job: Job, storage: Storage, name: str) -> None:
    storage.remove_result(job.id)
    assert client.get(url.replace("extension.zip", name)).status_code == 410


def test_first_frames_of_source_and_result_are_available(client: FlaskClient, url: str) -> None:
    for name, kind in (("source.jpg", "JPEG"), ("first.png", "PNG")):
        response = client.get(url.replace("extension.zip", name))
        with Image.open(io.BytesIO(response.data)) as image:
            assert (image.format, image.size) == (kind, (1280, 720))
        assert response.headers["Cache-Control"].startswith("private")


def test_page_describes_the_extension(client: FlaskClient, job: Job, url: str) -> None:
    page = client.get(f"/jobs/{job.id}/", headers=PAGE).text
    assert f'href="{url}"' in page
    assert "replaces Chrome’s new tab page" in page


def test_page_without_source_frame_offers_no_comparison(
    client: FlaskClient, job: Job, storage: Storage
) -> None:
    page_url = f"/jobs/{job.id}/"
    assert "Compare with your video" in client.get(page_url, headers=PAGE).text
    storage.source_frame_path(job.id).unlink()
    assert "Compare with your video" not in client.get(page_url, headers=PAGE).text
