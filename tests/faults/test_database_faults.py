"""A locked database, killed processes and a damaged database lose no data."""

import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from chromi.db import Link
from tests.support.paths import ROOT
from tests.support.running_service import Service
from tests.support.service_client import curl, curl_json, get_job, start_job, wait_for_end
from tests.support.service_database import (
    add_result,
    make_old,
    open_rows,
    query_value,
    result_names,
    web_process,
    write_lock,
)
from tests.support.waiting import wait_for

pytestmark = pytest.mark.service

LARGE_BYTES = 12_000_000
"""More than the socket buffers of both sides hold."""
TUS = ("-HTus-Resumable: 1.0.0",)


def clean_up(service: Service) -> None:
    """Run `python -m chromi cleanup`."""
    environ = os.environ | {"CHROMI_INSTANCE": str(service.instance)}
    command = [sys.executable, "-m", "chromi", "cleanup"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def get_status(*arguments: str) -> int:
    return int(curl("-o", "/dev/null", "-w", "%{http_code}", *arguments))


class Download:
    """A download that is paused after the first bytes."""

    def __init__(self, service: Service, url: str) -> None:
        host, port = service.url.removeprefix("http://").split(":")
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.connect((host, int(port)))
        path = url.removeprefix(service.url)
        headers = f"Host: {host}:{port}\r\nUser-Agent: curl/8.5.0"
        self._socket.sendall(f"GET {path} HTTP/1.1\r\n{headers}\r\n\r\n".encode())
        self._first_bytes = self._socket.recv(8192)
        assert self._first_bytes.startswith(b"HTTP/1.1 200"), self._first_bytes

    def finish(self) -> bytes:
        """Read the rest and return the file."""
        head, _, body = self._first_bytes.partition(b"\r\n\r\n")
        size_bytes = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        content = bytearray(body)
        with self._socket:
            while len(content) < size_bytes and (part := self._socket.recv(65_536)):
                content += part
        return bytes(content)

    def close(self) -> None:
        self._socket.close()


def start_encoding(service: Service, clip: Path) -> str:
    """Start a job, wait until its last long step begins, and return its id."""
    job_id = start_job(service, clip, duration="1.5")
    query = "SELECT step = 'encoding' FROM job WHERE id = ?"
    wait_for(lambda: query_value(service, query, job_id), "the encoding step", interval_s=0.01)
    return job_id


def count_attempts(service: Service, job_id: str) -> int:
    return int(query_value(service, "SELECT attempts FROM job WHERE id = ?", job_id))


def create_link(service: Service, job_id: str, **options: str) -> dict[str, str]:
    form = [f"-F{name}={text}" for name, text in options.items()]
    link: dict[str, str] = curl_json("-XPOST", *form, f"{service.url}/jobs/{job_id}/links/")
    return link


# -- a locked database -----------------------------------------------------------------------------------


def test_ten_second_lock_loses_nothing(service: Service, clip: Path, plain_clip: Path) -> None:
    """Writes get a 503 and reads succeed. A job that ends during the lock is recorded after it."""
    finished_id, content = add_result(service, LARGE_BYTES)
    gif_url = service.url + get_job(service, finished_id)["converted_url"]
    one_time_url = create_link(service, finished_id, one_time="on")["url"]
    download = Download(service, one_time_url)
    job_id = start_encoding(service, plain_clip)
    locked_until = time.monotonic() + 10
    with write_lock(service):
        writes = start_writes(service, clip)
        for path in ("/", f"/jobs/{finished_id}/", f"/jobs/{job_id}/", "/health/"):
            assert get_status(service.url + path) == 200
        assert get_status(f"{service.url}/jobs/{finished_id}/status") == 200
        assert get_status(gif_url) == 200
        assert download.finish() == content
        responses = read_responses(writes)
        assert [response.splitlines()[0].split()[1] for response in responses] == ["503"] * len(responses)
        assert all("Retry-After: " in response and '"busy"' in response for response in responses)
        wait_for(lambda: f"{job_id}.gif" in result_names(service), "the GIF to be published")
        wait_for(lambda: time.monotonic() > locked_until, "ten seconds")
        assert get_job(service, job_id)["status"] == "in_progress"
    job = wait_for_end(service, job_id)
    assert (job["status"], count_attempts(service, job_id)) == ("success", 1)
    wait_for(lambda: get_status(one_time_url) == 410, "the use to be counted")
    assert get_status(f"-Fvideo=@{clip}", f"{service.url}/uploads/") == 201
    assert "Traceback" not in "".join(service.log)


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_lock_longer_than_a_lease_loses_nothing(service: Service, clip: Path) -> None:
    """For 40 s, neither a heartbeat nor the end of the job can be recorded."""
    job_id = start_encoding(service, clip)
    locked_until = time.monotonic() + 40
    with write_lock(service):
        wait_for(lambda: f"{job_id}.gif" in result_names(service), "the GIF to be published", timeout_s=40)
        wait_for(lambda: time.monotonic() > locked_until, "forty seconds", timeout_s=60)
    job = wait_for_end(service, job_id, timeout_s=150)  # it may run a second time
    assert job["status"] == "success"
    assert get_status(service.url + job["converted_url"]) == 200


def start_writes(service: Service, clip: Path) -> list["subprocess.Popen[str]"]:
    """Start requests that have to write a row: an upload and the creation of a resumable one."""
    requests = [
        (f"-Fvideo=@{clip}", f"{service.url}/uploads/"),
        (*TUS, "-XPOST", "-HUpload-Length: 1000", f"{service.url}/uploads/resumable/"),
    ]
    return [
        subprocess.Popen(["curl", "-si", "-m30", *arguments], stdout=subprocess.PIPE, text=True)
        for arguments in requests
    ]


def read_responses(requests: list["subprocess.Popen[str]"]) -> list[str]:
    """Wait for the requests and return their final responses with headers."""
    return [each.communicate()[0].replace("HTTP/1.1 100 Continue\n\n", "") for each in requests]


# -- downloads in progress -------------------------------------------------------------------------------


def test_end_of_link_does_not_interrupt_downloads(service: Service) -> None:
    """A file whose link expired or was revoked is deleted, but downloads in progress receive all of it."""
    expired_id, expired_content = add_result(service, LARGE_BYTES)
    revoked_id, revoked_content = add_result(service, LARGE_BYTES)
    link = create_link(service, revoked_id, one_time="on")
    downloads = [
        Download(service, create_link(service, expired_id, one_time="on")["url"]),
        Download(service, link["url"]),
    ]
    with open_rows(service):
        Link.update(expires_at=time.time() - 1).where(Link.job == expired_id).execute()
        Link.update(expires_at=time.time() - 1).where(Link.job == revoked_id, ~Link.shared).execute()
    assert get_status("-XPOST", service.url + link["revoke_url"]) == 200
    clean_up(service)
    assert not {f"{expired_id}.gif", f"{revoked_id}.gif"} & set(result_names(service))
    assert [each.finish() for each in downloads] == [expired_content, revoked_content]
    assert get_status(link["url"]) == 410


# -- killed processes ------------------------------------------------------------------------------------


def test_web_server_killed_during_transfers_recovers(
    start_service: Callable[..., Service], heavy_clip: Path
) -> None:
    """Received chunks are kept, an incomplete form is not, and the use of a one-time link is not counted."""
    service = start_service()
    job_id, content = add_result(service, LARGE_BYTES)
    one_time_url = create_link(service, job_id, one_time="on")["url"]
    download = Download(service, one_time_url)
    clip = heavy_clip.read_bytes()
    half = len(clip) // 2
    location = create_upload(service, len(clip))
    assert send_chunk(service, location, clip[:half], offset=0) == 204
    kill_web_server_during_upload(service, heavy_clip)
    download.close()
    assert list((service.instance / "tmp").iterdir()) == []

    restarted = start_service(instance=str(service.instance))
    restarted.instance = service.instance
    uploads, upload_id = restarted.instance / "media/uploads", location.rpartition("/")[2]
    for path in uploads.glob("incoming-*"):
        make_old(path)
    clean_up(restarted)
    assert [path.name for path in uploads.iterdir()] == [f"{upload_id}.partial"]
    assert f"Upload-Offset: {half}" in curl(*TUS, "--head", restarted.url + location)
    assert send_chunk(restarted, location, clip[half:], offset=half) == 204
    assert (uploads / upload_id).read_bytes() == clip
    one_time_url = restarted.url + one_time_url.removeprefix(service.url)
    assert Download(restarted, one_time_url).finish() == content
    wait_for(lambda: get_status(one_time_url) == 410, "the use to be counted")


def kill_web_server_during_upload(service: Service, clip: Path) -> None:
    server = web_process(service)
    upload = subprocess.Popen(
        ["curl", "-s", f"-Fvideo=@{clip}", f"{service.url}/uploads/"], stdout=subprocess.DEVNULL
    )
    uploads = service.instance / "media/uploads"
    wait_for(lambda: list(uploads.glob("incoming-*")), "the upload's file", interval_s=0.002)
    server.kill()
    assert service.process.wait(30) != 0
    upload.wait(10)


def create_upload(service: Service, size_bytes: int) -> str:
    """Create a resumable upload and return its path."""
    headers = (*TUS, f"-HUpload-Length: {size_bytes}")
    response = curl(*headers, "-i", "-XPOST", f"{service.url}/uploads/resumable/")
    return response.split("Location: ")[1].split()[0]


def send_chunk(service: Service, location: str, chunk: bytes, *, offset: int) -> int:
    """Send a chunk of a resumable upload and return the response's status."""
    headers = (*TUS, "-HContent-Type: application/offset+octet-stream", f"-HUpload-Offset: {offset}")
    with tempfile.NamedTemporaryFile() as file:
        file.write(chunk)
        file.flush()
        return get_status("-XPATCH", *headers, "--data-binary", f"@{file.name}", service.url + location)


# -- a damaged database ----------------------------------------------------------------------------------


def test_damaged_database_is_reported_and_restored_from_backup(service: Service) -> None:
    job_id, _ = add_result(service, 1000)
    job_url = f"{service.url}/jobs/{job_id}/"
    path = service.instance / "chromi.db"
    with closing(sqlite3.connect(path, timeout=20)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    backup = path.read_bytes()
    wait_for(lambda: query_value(service, "SELECT count(*) FROM worker"), "the worker's first heartbeat")
    seen_at = query_value(service, "SELECT max(seen_at) FROM worker")
    overwrite(path, os.urandom(len(backup)))
    response = curl("-i", job_url)
    assert response.startswith("HTTP/1.1 503")
    assert '"database_damaged"' in response
    assert "Retry-After: " in response
    health = curl_json(f"{service.url}/health/")
    assert (health["status"], health["database"]["ok"]) == ("unavailable", False)
    assert get_status(f"{service.url}/health/live") == 200
    overwrite(path, backup)
    assert get_status(job_url) == 200
    wait_for(lambda: query_value(service, "SELECT max(seen_at) FROM worker") > seen_at, "a heartbeat")


def overwrite(path: Path, content: bytes) -> None:
    """Write over a file in place, since other processes have it open."""
    with path.open("r+b") as file:
        file.write(content)
