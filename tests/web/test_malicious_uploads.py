"""Malicious files are rejected over HTTP: nothing else is opened, and no file remains."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chromi.storage import Storage
from tests.support import malicious_files, playlists, tus_client
from tests.support.canary import Canary, FileWatcher
from tests.support.http_forms import files_in, form

pytestmark = pytest.mark.slow

Send = Callable[[FlaskClient, bytes, str], TestResponse]


def upload_form(client: FlaskClient, content: bytes, name: str) -> TestResponse:
    return client.post("/uploads/", **form(content, name=name))


def convert_form(client: FlaskClient, content: bytes, name: str) -> TestResponse:
    return client.post("/convert/", **form(content, name=name))


def resumable_upload(client: FlaskClient, content: bytes, name: str) -> TestResponse:
    created = tus_client.create(client, len(content), **{"Upload-Metadata": f"filename {name}"})
    return tus_client.send_chunk(client, created.location, 0, content)


UPLOAD_METHODS = [upload_form, convert_form, resumable_upload]


@pytest.mark.parametrize("send", UPLOAD_METHODS)
def test_playlist_opens_no_other_upload_and_no_connection(
    send: Send, client: FlaskClient, upload: str, storage: Storage, canary: Canary
) -> None:
    """The upload form gets each playlist with each signature; the other requests get each of them once."""
    prefixes = (b"", *playlists.DISGUISES.values())
    path = storage.upload_path(upload)
    before = files_in(storage)
    watcher = FileWatcher(path)
    for index, (kind, text) in enumerate(playlists.make_playlists(path, canary.url).items()):
        name = ("clip.mp4", "clip.webm")[index % 2]
        for prefix in prefixes if send is upload_form else (prefixes[index % len(prefixes)],):
            response = send(client, prefix + text, name)
            assert response.status_code == 415, (kind, prefix)
            assert response.get_json()["error"]["code"] == "not_a_video"
    assert not watcher.was_opened
    watcher.close()
    assert canary.connections == 0
    assert files_in(storage) == before


@pytest.mark.parametrize("send", UPLOAD_METHODS)
def test_malicious_file_is_rejected_and_removed(
    send: Send, client: FlaskClient, clip: Path, storage: Storage
) -> None:
    movie = clip.read_bytes()
    for content in (
        malicious_files.nested_boxes(b"moov", 10_000),
        malicious_files.many_samples(movie, 30_000_000),
        malicious_files.gif(3, screen_px=(65535, 65535)),
    ):
        assert send(client, content, "clip.mp4").status_code == 415
    assert files_in(storage) == []
    assert client.get("/health/").status_code == 200
