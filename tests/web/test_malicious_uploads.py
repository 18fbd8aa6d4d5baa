"""What comes in over HTTP to harm: refused with a sentence, nothing opened, nothing left."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chromi.storage import Storage
from tests.support import malicious_files, playlists
from tests.support.canary import Canary, FileWatcher
from tests.support.http_forms import files_in, form

pytestmark = pytest.mark.slow

Send = Callable[[FlaskClient, bytes, str], TestResponse]


def in_a_form(client: FlaskClient, content: bytes, name: str) -> TestResponse:
    return client.post("/uploads/", **form(content, name=name))


def in_one_call(client: FlaskClient, content: bytes, name: str) -> TestResponse:
    return client.post("/convert/", **form(content, name=name))


def in_pieces(client: FlaskClient, content: bytes, name: str) -> TestResponse:
    speaking = {"Tus-Resumable": "1.0.0"}
    length = {"Upload-Length": str(len(content)), "Upload-Metadata": f"filename {name}"}
    begun = client.post("/uploads/resumable/", headers={**speaking, **length})
    return client.patch(
        begun.headers["Location"],
        data=content,
        headers={**speaking, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"},
    )


WAYS = [in_a_form, in_one_call, in_pieces]


@pytest.mark.parametrize("send", WAYS)
@pytest.mark.parametrize("name", ["clip.mp4", "clip.webm"])
def test_a_playlist_reads_no_upload_of_another_and_calls_nobody(
    send: Send, name: str, client: FlaskClient, upload: str, storage: Storage, canary: Canary
) -> None:
    path = storage.upload_path(upload)
    before = files_in(storage)
    watched = FileWatcher(path)
    for kind, text in playlists.make_playlists(path, canary.url).items():
        for start in (b"", *playlists.DISGUISES.values()):
            answer = send(client, start + text, name)
            assert answer.status_code == 415, (kind, start)
            assert answer.get_json()["error"]["code"] == "not_a_video"
    assert not watched.was_opened
    watched.close()
    assert canary.connections == 0
    assert files_in(storage) == before


@pytest.mark.parametrize("send", WAYS)
def test_a_monster_is_refused_and_leaves_nothing(
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
