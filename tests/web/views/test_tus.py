"""An upload in pieces: it goes on where it broke, whatever happened in between, and arrives byte for byte."""

import errno
import io
import os
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from peewee import OperationalError
from werkzeug.test import TestResponse

from chromi import create_app
from chromi.config import Settings
from chromi.db import Job, RateLimitUsage, Upload, database
from chromi.encoder import VideoInfo, inspect_sandbox
from chromi.encoder.encoder_errors import FfmpegMissing
from chromi.jobs.cleanup import CleanupReport, _remove_unused_uploads, run_cleanup
from chromi.storage import PartialFile, Storage
from chromi.web import ingest
from tests.support.http_forms import FRAGMENT, PAGE, files_in, form

TUS = {"Tus-Resumable": "1.0.0"}
PIECE = TUS | {"Content-Type": "application/offset+octet-stream"}
BASE = "/uploads/resumable/"


def begin(client: FlaskClient, size_bytes: int) -> str:
    """Begin an upload of so many bytes; its address."""
    answer = client.post(BASE, headers=TUS | {"Upload-Length": str(size_bytes)})
    assert answer.status_code == 201, answer.text
    return answer.location


def send(client: FlaskClient, address: str, offset: int, piece: bytes, **more: Any) -> TestResponse:
    return client.patch(address, headers=PIECE | {"Upload-Offset": str(offset)}, data=piece, **more)


def offset_of(client: FlaskClient, address: str) -> int:
    answer = client.head(address, headers=TUS)
    assert answer.status_code == 200
    return int(answer.headers["Upload-Offset"])


def upload_id_of(address: str) -> str:
    return address.rsplit("/", 1)[1]


def is_whole(storage: Storage, address: str, content: bytes) -> bool:
    """True when the upload is one like any other and nothing else is left of it."""
    path = storage.upload_path(upload_id_of(address))
    upload = Upload.find(upload_id_of(address))
    same = path.read_bytes() == content and upload.length_bytes == len(content)
    return same and files_in(storage) == [str(path)] and upload.is_complete


@pytest.fixture
def content(clip: Path) -> bytes:
    return clip.read_bytes()


@pytest.fixture
def half(client: FlaskClient, content: bytes) -> str:
    """An upload of which the first half is here; its address."""
    address = begin(client, len(content))
    assert send(client, address, 0, content[: len(content) // 2]).status_code == 204
    return address


def test_a_clip_sent_in_pieces_arrives_byte_for_byte(
    client: FlaskClient, storage: Storage, content: bytes
) -> None:
    address = begin(client, len(content))
    assert offset_of(client, address) == 0
    step = len(content) // 5 + 1
    for start in range(0, len(content), step):
        piece = content[start : start + step]
        answer = send(client, address, start, piece)
        assert (answer.status_code, answer.data) == (204, b"")
        assert int(answer.headers["Upload-Offset"]) == start + len(piece) == offset_of(client, address)
    assert is_whole(storage, address, content)


@pytest.mark.slow
def test_what_was_sent_in_pieces_is_an_upload_like_any_other(
    client: FlaskClient, half: str, content: bytes
) -> None:
    send(client, half, len(content) // 2, content[len(content) // 2 :])
    page = f"/uploads/{upload_id_of(half)}/"
    body = client.get(page).get_json()
    assert body["info"]["codec"] == "h264"
    assert client.get(body["video_url"]).data == content
    assert "Choose your six seconds" in client.get(page, headers=PAGE).text
    assert client.post(f"{page}jobs/", data={"duration": "1"}).status_code == 202


def test_what_is_spoken_is_told(client: FlaskClient) -> None:
    headers = client.options(BASE).headers
    assert headers["Tus-Version"] == "1.0.0"
    assert headers["Tus-Extension"] == "creation,termination"
    assert headers["Tus-Max-Size"] == "100000000"


@pytest.mark.parametrize("method", ["POST", "HEAD", "PATCH", "DELETE"])
@pytest.mark.parametrize("version", [None, "0.2.2"])
def test_another_protocol_is_refused(
    client: FlaskClient, half: str, method: str, version: str | None
) -> None:
    address = BASE if method == "POST" else half
    headers = {"Upload-Length": "5", **({"Tus-Resumable": version} if version else {})}
    answer = client.open(address, method=method, headers=headers)
    assert answer.status_code == 412
    assert answer.headers["Tus-Version"] == answer.headers["Tus-Resumable"] == "1.0.0"


@pytest.mark.parametrize("length", [None, "", "-1", "1.5", "many", "٣", "9" * 20])
def test_a_length_that_is_none_is_refused(client: FlaskClient, storage: Storage, length: str | None) -> None:
    headers = TUS if length is None else TUS | {"Upload-Length": length.encode().decode("latin-1")}
    answer = client.post(BASE, headers=headers)
    assert answer.status_code == 400
    assert "Upload-Length" in answer.get_json()["error"]["message"]
    assert files_in(storage) == []


@pytest.mark.parametrize(
    ("length", "status", "code"), [(0, 400, "missing_video"), (100_000_001, 413, "too_large")]
)
def test_an_empty_and_a_large_file_are_refused_before_they_are_sent(
    client: FlaskClient, storage: Storage, length: int, status: int, code: str
) -> None:
    answer = client.post(BASE, headers=TUS | {"Upload-Length": str(length)})
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (status, code)
    assert answer.headers["Tus-Resumable"] == "1.0.0"
    assert files_in(storage) == []
    assert Upload.select().count() == 0


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"Content-Type": "video/mp4"}, 415, "not_a_piece"),
        ({"Upload-Offset": "0"}, 409, "wrong_offset"),
        ({"Upload-Offset": "99999999"}, 409, "wrong_offset"),
        ({"Upload-Offset": "-1"}, 400, "bad_request"),
        ({"Upload-Offset": ""}, 400, "bad_request"),
    ],
)
def test_a_piece_that_does_not_fit_changes_nothing(
    client: FlaskClient, half: str, content: bytes, changes: dict[str, str], status: int, code: str
) -> None:
    headers = PIECE | {"Upload-Offset": str(len(content) // 2)} | changes
    answer = client.patch(half, headers=headers, data=b"x" * 10)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (status, code)
    assert offset_of(client, half) == len(content) // 2


def test_a_piece_beyond_the_promised_length_changes_nothing(
    client: FlaskClient, half: str, content: bytes
) -> None:
    middle = len(content) // 2
    answer = send(client, half, middle, content[middle:] + b"x")
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (413, "too_large")
    assert offset_of(client, half) == middle


def test_of_a_cut_piece_what_arrived_counts(client: FlaskClient, storage: Storage, content: bytes) -> None:
    address = begin(client, len(content))
    headers = PIECE | {"Upload-Offset": "0"}
    arrived = io.BytesIO(content[:100_000])
    answer = client.patch(
        address,
        headers=headers,
        input_stream=arrived,
        environ_overrides={"CONTENT_LENGTH": str(len(content))},
    )
    assert answer.status_code == 400
    assert offset_of(client, address) == 100_000
    assert send(client, address, 100_000, content[100_000:]).status_code == 204
    assert is_whole(storage, address, content)


def test_it_goes_on_after_a_restart(settings: Settings, half: str, storage: Storage, content: bytes) -> None:
    client = create_app(settings).test_client()
    middle = offset_of(client, half)
    assert send(client, half, middle, content[middle:]).status_code == 204
    assert is_whole(storage, half, content)


def test_a_server_that_died_after_the_last_byte_looks_at_the_whole_later(
    client: FlaskClient, half: str, storage: Storage, content: bytes
) -> None:
    storage.upload_path(upload_id_of(half)).write_bytes(content)
    assert offset_of(client, half) == len(content)
    assert send(client, half, len(content), b"").status_code == 204
    assert is_whole(storage, half, content)


def test_who_missed_the_last_answer_may_ask_again(
    client: FlaskClient, half: str, storage: Storage, content: bytes
) -> None:
    middle = len(content) // 2
    send(client, half, middle, content[middle:])
    assert offset_of(client, half) == len(content)
    again = send(client, half, len(content), b"")
    assert (again.status_code, again.headers["Upload-Offset"]) == (204, str(len(content)))
    assert send(client, half, middle, content[middle:]).status_code == 409
    assert send(client, half, len(content), b"x").status_code == 413
    assert is_whole(storage, half, content)


def wait(seconds: float) -> None:
    """Make all rows of unfinished uploads so much older."""
    times = (Upload.created_at, Upload.started_at, Upload.used_at)
    Upload.update({field: field - seconds for field in times}).execute()


def begins(client: FlaskClient, count: int, size_bytes: int = 1_000_000) -> list[TestResponse]:
    """Begin so many uploads from one address on the internet."""
    headers = TUS | {"Upload-Length": str(size_bytes)}
    stranger = {"REMOTE_ADDR": "8.8.8.8"}
    return [client.post(BASE, headers=headers, environ_base=stranger) for _ in range(count)]


def started(client: FlaskClient, count: int, size_bytes: int = 1_000_000) -> list[str]:
    """Begin so many uploads from one address and send the first byte of each; their addresses."""
    addresses = [answer.location for answer in begins(client, count, size_bytes)]
    assert [send(client, address, 0, b"x").status_code for address in addresses] == [204] * count
    return addresses


def test_looking_at_uploads_that_never_come_holds_no_place(client: FlaskClient) -> None:
    unbegun = begins(client, 1)[0].location
    addresses = started(client, 13)
    assert begins(client, 1)[0].status_code == send(client, unbegun, 0, b"x").status_code == 429
    for _ in range(2):
        wait(50)
        for address in addresses:
            page = f"/uploads/{upload_id_of(address)}/"
            assert client.get(page).status_code == client.get(page, headers=PAGE).status_code == 200
            assert offset_of(client, address) == 1
            assert send(client, address, 1, b"").status_code == 204
            assert send(client, address, 5, b"x").status_code == 409
    wait(30)
    assert offset_of(client, unbegun) == 0, "the byte that was refused is not there"
    assert begins(client, 1)[0].status_code == 201
    assert send(client, unbegun, 0, b"x").status_code == 204


def test_a_trickle_holds_a_place_for_two_minutes_only(client: FlaskClient) -> None:
    steady, slow, *_ = started(client, 13)
    wait(50)
    assert send(client, steady, 1, bytes(150_000)).status_code == 204
    assert send(client, slow, 1, bytes(5)).status_code == 204
    wait(60)
    assert send(client, steady, 150_001, bytes(5)).status_code == 204
    assert send(client, slow, 6, bytes(5)).status_code == 204
    assert begins(client, 1)[0].status_code == 429
    wait(30)
    started(client, 12)
    assert begins(client, 1)[0].status_code == 429
    assert send(client, slow, 11, bytes(5)).status_code == 204, "it has no place, but may go on"


def test_who_was_without_a_network_for_long_goes_on(
    client: FlaskClient, half: str, storage: Storage, content: bytes
) -> None:
    wait(1800)
    started(client, 13)
    middle = len(content) // 2
    assert send(client, half, middle, content[middle:-1]).status_code == 204
    assert send(client, half, len(content) - 1, content[-1:]).status_code == 204
    assert storage.upload_path(upload_id_of(half)).read_bytes() == content


def test_looking_at_an_unfinished_upload_makes_it_live_no_longer(
    settings: Settings, client: FlaskClient, half: str, storage: Storage
) -> None:
    wait(settings.upload_ttl_s - 20)
    client.get(f"/uploads/{upload_id_of(half)}/")
    assert send(client, half, offset_of(client, half), b"").status_code == 204
    assert _remove_unused_uploads(settings, storage) == 0
    wait(40)
    assert _remove_unused_uploads(settings, storage) == 1
    assert files_in(storage) == []


def test_each_piece_makes_it_live_longer(
    settings: Settings, half: str, storage: Storage, client: FlaskClient
) -> None:
    wait(settings.upload_ttl_s - 20)
    assert send(client, half, offset_of(client, half), b"x").status_code == 204
    wait(40)
    assert _remove_unused_uploads(settings, storage) == 0


class Slow(io.BytesIO):
    """A body that begins to come, and goes on when it is let."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.asked, self.may_go_on = threading.Event(), threading.Event()

    def readinto(self, buffer: Any) -> int:
        self.asked.set()
        assert self.may_go_on.wait(30)
        return super().readinto(buffer)


def test_two_pieces_at_once_do_not_mix(app: Flask, half: str, storage: Storage, content: bytes) -> None:
    middle = len(content) // 2
    slow = Slow(content[middle:])
    answers: list[TestResponse] = []

    def send_slowly() -> None:
        headers = PIECE | {"Upload-Offset": str(middle)}
        length = {"CONTENT_LENGTH": str(len(content) - middle)}
        answers.append(
            app.test_client().patch(half, headers=headers, input_stream=slow, environ_overrides=length)
        )

    first = threading.Thread(target=send_slowly)
    first.start()
    assert slow.asked.wait(30)
    second = send(app.test_client(), half, middle, content[middle:])
    assert (second.status_code, second.get_json()["error"]["code"]) == (423, "upload_locked")
    slow.may_go_on.set()
    first.join(30)
    assert [answer.status_code for answer in answers] == [204]
    assert is_whole(storage, half, content)


@pytest.mark.parametrize("content", [b"This is only a text.\n" * 1000, b"\x00" * 50_000])
def test_what_is_no_video_is_refused_at_its_end_and_leaves_nothing(
    client: FlaskClient, storage: Storage, content: bytes
) -> None:
    address = begin(client, len(content))
    assert send(client, address, 0, content[:500]).status_code == 204
    answer = send(client, address, 500, content[500:])
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (415, "not_a_video")
    assert files_in(storage) == []
    assert Upload.select().count() == 0
    assert client.head(address, headers=TUS).status_code == 404


def test_after_an_error_of_ours_nothing_is_sent_again(
    client: FlaskClient, half: str, storage: Storage, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> VideoInfo:
        raise FfmpegMissing

    with monkeypatch.context() as patched:
        patched.setattr(ingest, "probe_video", fail)
        assert send(client, half, len(content) // 2, content[len(content) // 2 :]).status_code == 500
    assert send(client, half, len(content), b"").status_code == 204
    assert is_whole(storage, half, content)


class Killed(subprocess.Popen[bytes]):
    """A program that is killed as it starts, as the kernel does when memory runs out."""

    count = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kill()
        Killed.count += 1


def test_an_upload_is_looked_at_a_few_times_only(
    client: FlaskClient, half: str, storage: Storage, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    middle = len(content) // 2
    inspect_sandbox()  # tried once in each process, and not by programs that are killed
    monkeypatch.setattr(subprocess, "Popen", Killed)
    answers = [send(client, half, middle, content[middle:])]
    answers += [send(client, half, len(content), b"") for _ in range(11)]
    assert [answer.status_code for answer in answers] == [500] * 3 + [429] * 9
    assert Killed.count == 3
    assert answers[0].get_json()["error"]["code"] == "converter_killed"
    assert 1190 < int(answers[-1].headers["Retry-After"]) <= 1200
    monkeypatch.undo()
    RateLimitUsage.update(free_at=RateLimitUsage.free_at - 1201).execute()
    assert send(client, half, len(content), b"").status_code == 204
    assert is_whole(storage, half, content)


def test_a_full_disk_is_said_and_what_was_written_counts(
    client: FlaskClient, half: str, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(file: PartialFile, piece: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(PartialFile, "append", fail)
        answer = send(client, half, len(content) // 2, content[len(content) // 2 :])
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (503, "disk_full")
    assert "Retry-After" in answer.headers
    assert offset_of(client, half) == len(content) // 2


def test_what_is_given_up_is_gone(client: FlaskClient, half: str, storage: Storage) -> None:
    assert client.delete(half, headers=TUS).status_code == 204
    assert files_in(storage) == []
    assert client.head(half, headers=TUS).status_code == 404
    gone = send(client, half, 0, b"x")
    assert gone.status_code == 404
    assert client.delete(half, headers=TUS).status_code == 404


@pytest.mark.parametrize("moment", ["before", "after"])
def test_what_is_given_up_while_it_is_looked_at_does_not_come_back(
    client: FlaskClient,
    half: str,
    storage: Storage,
    content: bytes,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    probe = ingest.probe_video

    def give_up() -> None:
        Upload.delete().execute()
        storage.upload_path(upload_id_of(half)).unlink()

    def give_up_meanwhile(path: Path) -> VideoInfo:
        if moment == "before":
            give_up()
        info = probe(path)
        give_up()
        return info

    monkeypatch.setattr(ingest, "probe_video", give_up_meanwhile)
    assert send(client, half, len(content) // 2, content[len(content) // 2 :]).status_code == 404
    assert files_in(storage) == []
    assert Upload.select().count() == 0


def test_a_complete_upload_is_not_given_up(client: FlaskClient, storage: Storage, content: bytes) -> None:
    upload_id = client.post("/uploads/", **form(content)).get_json()["upload_id"]
    assert client.delete(f"{BASE}{upload_id}", headers=TUS).status_code == 409
    assert storage.upload_path(upload_id).exists()


@pytest.mark.parametrize("upload_id", ["0" * 32, "x", "..", "%2e%2e%2fchromi.db"])
def test_an_unknown_upload_is_not_found(client: FlaskClient, upload_id: str) -> None:
    assert client.head(f"{BASE}{upload_id}", headers=TUS).status_code == 404


def test_a_row_without_its_file_is_not_found(client: FlaskClient, half: str, storage: Storage) -> None:
    storage.upload_path(upload_id_of(half)).unlink()
    assert client.head(half, headers=TUS).status_code == 404
    assert send(client, half, 0, b"x").status_code == 404


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_other_sites_can_do_nothing_to_it(
    client: FlaskClient, half: str, content: bytes, method: str
) -> None:
    headers = PIECE | {"Upload-Offset": str(len(content) // 2), "Upload-Length": "5"}
    address = BASE if method == "POST" else half
    for site in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://elsewhere.example"}):
        answer = client.open(address, method=method, headers=headers | site)
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (403, "cross_site")
    assert Upload.select().count() == 1
    assert offset_of(client, half) == len(content) // 2


def test_only_a_piece_may_come_in_another_shape_than_a_form(client: FlaskClient) -> None:
    answer = client.post("/uploads/", data=b"x", content_type=PIECE["Content-Type"])
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (415, "not_a_form")


def test_the_page_of_an_unfinished_upload_asks_for_the_same_file(client: FlaskClient, half: str) -> None:
    page = client.get(f"/uploads/{upload_id_of(half)}/", headers=PAGE)
    assert page.status_code == 200
    assert "Your upload is not finished" in page.text
    assert f'data-upload-url="{half}"' in page.text


def test_the_studio_of_an_unfinished_upload_has_no_facts(client: FlaskClient, half: str) -> None:
    studio = client.get(f"/uploads/{upload_id_of(half)}/?quality=best", headers=FRAGMENT)
    assert studio.status_code == 200
    assert "<html" not in studio.text
    assert 'data-duration-s=""' in studio.text
    assert 'id="uploading"' in studio.text
    assert 'value="best" checked' in studio.text
    body = client.get(f"/uploads/{upload_id_of(half)}/").get_json()
    assert (body["info"], body["video_url"]) == (None, None)


@pytest.mark.parametrize("address", ["jobs/", "estimates/", "loops/", "previews/"])
def test_nothing_is_made_of_an_unfinished_upload(client: FlaskClient, half: str, address: str) -> None:
    answer = client.post(f"/uploads/{upload_id_of(half)}/{address}")
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (409, "conflict")
    for kind in ("video", "preview"):
        assert client.get(f"/uploads/{upload_id_of(half)}/{kind}").status_code == 409
    assert Job.select().count() == 0


def test_a_sample_tells_whether_a_file_is_the_same(client: FlaskClient, half: str, content: bytes) -> None:
    here = content[: len(content) // 2]
    answer = client.get(f"{half}/sample", headers=TUS)
    assert answer.data == here[:65536] + here[-65536:]
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (200, str(len(here)))
    assert send(client, half, len(here), content[len(here) :]).status_code == 204
    assert client.get(f"{half}/sample", headers=TUS).data == content[:65536] + content[-65536:]


def test_a_sample_of_little_is_all_of_it_twice(client: FlaskClient) -> None:
    address = begin(client, 1000)
    assert client.get(f"{address}/sample", headers=TUS).data == b""
    assert send(client, address, 0, b"abc").status_code == 204
    assert client.get(f"{address}/sample", headers=TUS).data == b"abcabc"


def test_there_is_no_sample_of_what_is_gone(client: FlaskClient, half: str, storage: Storage) -> None:
    storage.upload_path(upload_id_of(half)).unlink()
    assert client.get(f"{half}/sample", headers=TUS).status_code == 404
    assert client.get(f"{BASE}{'0' * 32}/sample", headers=TUS).status_code == 404


def test_cleanup_keeps_an_upload_that_is_being_probed(
    client: FlaskClient,
    half: str,
    storage: Storage,
    settings: Settings,
    content: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its last byte arrived hours ago, and an empty chunk completes it now."""
    upload_id = upload_id_of(half)
    storage.upload_path(upload_id).write_bytes(content)
    os.utime(storage.upload_path(upload_id), (0, 0))
    Upload.update(used_at=0).execute()
    probe = ingest.probe_video

    def clean_up() -> CleanupReport:
        with database.connection_context():
            return run_cleanup(settings, storage, set(), lambda job_id: None)

    def clean_up_and_probe(path: Path) -> VideoInfo:
        with ThreadPoolExecutor(1) as other_thread:
            assert other_thread.submit(clean_up).result() == CleanupReport()
        return probe(path)

    monkeypatch.setattr(ingest, "probe_video", clean_up_and_probe)
    assert send(client, half, len(content), b"").status_code == 204
    assert is_whole(storage, half, content)


def test_failed_commit_of_the_last_chunk_loses_no_byte(
    client: FlaskClient, half: str, storage: Storage, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full at the very end."""

    def fail(upload: Upload, info: VideoInfo) -> bool:
        raise OperationalError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(Upload, "complete", fail)
        middle = len(content) // 2
        assert send(client, half, middle, content[middle:]).status_code == 503
    assert [Path(name).name for name in files_in(storage)] == [storage.upload_path(upload_id_of(half)).name]
    assert send(client, half, len(content), b"").status_code == 204
    assert is_whole(storage, half, content)
