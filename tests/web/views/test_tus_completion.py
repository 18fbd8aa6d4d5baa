"""ffmpeg probes a resumable upload after its last byte. A failure at this point loses no bytes."""

import errno
import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from peewee import OperationalError

from chromi.db import RateLimitUsage, Upload, database
from chromi.encoder import VideoInfo, inspect_sandbox
from chromi.encoder.encoder_errors import FfmpegMissing
from chromi.jobs.cleanup import CleanupReport
from chromi.storage import PartialFile, Storage
from chromi.web import upload_receiver
from tests.support.http_forms import files_in
from tests.support.tus_client import TUS, create, is_stored, offset_of, send_chunk, upload_id_of

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("content", [b"This is only a text.\n" * 1000, b"\x00" * 50_000])
def test_non_video_file_is_rejected_and_removed(
    client: FlaskClient, storage: Storage, content: bytes
) -> None:
    url = create(client, len(content)).location
    assert send_chunk(client, url, 0, content[:500]).status_code == 204
    response = send_chunk(client, url, 500, content[500:])
    assert (response.status_code, response.get_json()["error"]["code"]) == (415, "not_a_video")
    assert files_in(storage) == []
    assert Upload.select().count() == 0
    assert client.head(url, headers=TUS).status_code == 404


def test_upload_completes_without_new_bytes_after_a_server_error(
    client: FlaskClient, half_upload: str, storage: Storage, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> VideoInfo:
        raise FfmpegMissing

    with monkeypatch.context() as patched:
        patched.setattr(upload_receiver, "probe_video", fail)
        middle = len(content) // 2
        assert send_chunk(client, half_upload, middle, content[middle:]).status_code == 500
    assert send_chunk(client, half_upload, len(content), b"").status_code == 204
    assert is_stored(storage, half_upload, content)


class KilledProcess(subprocess.Popen[bytes]):
    """A process that is killed when it starts, as the kernel does when memory runs out."""

    count = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kill()
        KilledProcess.count += 1


def test_number_of_probes_of_an_upload_is_limited(
    client: FlaskClient, half_upload: str, storage: Storage, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    middle = len(content) // 2
    inspect_sandbox()  # cache its result now, because it would be wrong if the programs were killed
    monkeypatch.setattr(subprocess, "Popen", KilledProcess)
    responses = [send_chunk(client, half_upload, middle, content[middle:])]
    responses += [send_chunk(client, half_upload, len(content), b"") for _ in range(11)]
    assert [response.status_code for response in responses] == [500] * 3 + [429] * 9
    assert KilledProcess.count == 3
    assert responses[0].get_json()["error"]["code"] == "converter_killed"
    assert 1190 < int(responses[-1].headers["Retry-After"]) <= 1200
    monkeypatch.undo()
    RateLimitUsage.update(free_at=RateLimitUsage.free_at - 1201).execute()
    assert send_chunk(client, half_upload, len(content), b"").status_code == 204
    assert is_stored(storage, half_upload, content)


def test_full_disk_is_reported_and_stored_bytes_remain(
    client: FlaskClient, half_upload: str, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(file: PartialFile, chunk: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(PartialFile, "append", fail)
        response = send_chunk(client, half_upload, len(content) // 2, content[len(content) // 2 :])
    assert (response.status_code, response.get_json()["error"]["code"]) == (503, "disk_full")
    assert "Retry-After" in response.headers
    assert offset_of(client, half_upload) == len(content) // 2


@pytest.mark.parametrize("is_deleted_before", [True, False], ids=["before", "after"])
def test_upload_deleted_during_its_probe_is_not_restored(
    client: FlaskClient,
    half_upload: str,
    storage: Storage,
    content: bytes,
    monkeypatch: pytest.MonkeyPatch,
    is_deleted_before: bool,
) -> None:
    probe = upload_receiver.probe_video

    def delete_upload() -> None:
        Upload.delete().execute()
        storage.partial_upload_path(upload_id_of(half_upload)).unlink(missing_ok=True)

    def probe_and_delete(path: Path) -> VideoInfo:
        if is_deleted_before:
            delete_upload()
        info = probe(path)
        delete_upload()
        return info

    monkeypatch.setattr(upload_receiver, "probe_video", probe_and_delete)
    assert send_chunk(client, half_upload, len(content) // 2, content[len(content) // 2 :]).status_code == 404
    assert files_in(storage) == []
    assert Upload.select().count() == 0


def test_cleanup_keeps_an_upload_that_is_being_probed(
    client: FlaskClient,
    half_upload: str,
    storage: Storage,
    clean_up: Callable[[], CleanupReport],
    content: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its last byte arrived hours ago, and an empty chunk completes it now."""
    upload_id = upload_id_of(half_upload)
    storage.partial_upload_path(upload_id).write_bytes(content)
    os.utime(storage.partial_upload_path(upload_id), (0, 0))
    Upload.update(used_at=0).execute()
    probe = upload_receiver.probe_video

    def clean_up_in_thread() -> CleanupReport:
        with database.connection_context():
            return clean_up()

    def clean_up_and_probe(path: Path) -> VideoInfo:
        with ThreadPoolExecutor(1) as other_thread:
            assert other_thread.submit(clean_up_in_thread).result() == CleanupReport()
        return probe(path)

    monkeypatch.setattr(upload_receiver, "probe_video", clean_up_and_probe)
    assert send_chunk(client, half_upload, len(content), b"").status_code == 204
    assert is_stored(storage, half_upload, content)


def test_failed_commit_of_the_last_chunk_loses_no_byte(
    client: FlaskClient, half_upload: str, storage: Storage, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full when the row is written."""

    def fail(upload: Upload, info: VideoInfo) -> bool:
        raise OperationalError("database or disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(Upload, "complete", fail)
        middle = len(content) // 2
        assert send_chunk(client, half_upload, middle, content[middle:]).status_code == 503
    assert storage.partial_upload_path(upload_id_of(half_upload)).read_bytes() == content
    assert send_chunk(client, half_upload, len(content), b"").status_code == 204
    assert is_stored(storage, half_upload, content)
