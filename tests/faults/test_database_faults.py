"""What goes wrong on a real machine, caused: locks, crashes at the worst moment, a damaged database."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from chromi.db import Job, Link
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

Start = Callable[..., Service]

LARGE_BYTES = 12_000_000
"""More than the sockets' buffers of both sides hold."""
TUS = ("-HTus-Resumable: 1.0.0",)


def sweep(service: Service) -> None:
    """`python -m chromi cleanup`, at once."""
    environ = os.environ | {"CHROMI_INSTANCE": str(service.instance)}
    command = [sys.executable, "-m", "chromi", "cleanup"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def status_of(*arguments: str) -> int:
    return int(curl("-o", "/dev/null", "-w", "%{http_code}", *arguments))


class Download:
    """A GET of which only the beginning has been read."""

    def __init__(self, service: Service, url: str) -> None:
        host, port = service.url.removeprefix("http://").split(":")
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.connect((host, int(port)))
        path = url.removeprefix(service.url)
        headers = f"Host: {host}:{port}\r\nUser-Agent: curl/8.5.0"
        self._socket.sendall(f"GET {path} HTTP/1.1\r\n{headers}\r\n\r\n".encode())
        self._answer = self._socket.recv(8192)
        assert self._answer.startswith(b"HTTP/1.1 200"), self._answer

    def finish(self) -> bytes:
        """Read the rest and give the file."""
        head, _, body = self._answer.partition(b"\r\n\r\n")
        size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        got = bytearray(body)
        with self._socket:
            while len(got) < size and (piece := self._socket.recv(65_536)):
                got += piece
        return bytes(got)

    def hang_up(self) -> None:
        self._socket.close()


def start_drawing(service: Service, clip: Path) -> str:
    """Start a job and wait until it is about to have a result."""
    job_id = start_job(service, clip, duration="3")
    query = "SELECT step = 'encoding' FROM job WHERE id = ?"
    wait_for(lambda: query_value(service, query, job_id), "its drawing", interval_s=0.01)
    return job_id


def attempts_at(service: Service, job_id: str) -> int:
    return int(query_value(service, "SELECT attempts FROM job WHERE id = ?", job_id))


def share(service: Service, job_id: str, **options: str) -> dict[str, str]:
    form = [f"-F{name}={text}" for name, text in options.items()]
    link: dict[str, str] = curl_json("-XPOST", *form, f"{service.url}/jobs/{job_id}/links/")
    return link


# -- a lock that is held for ten seconds ---------------------------------------------------------------


def test_a_lock_held_for_ten_seconds_loses_nothing(service: Service, clip: Path) -> None:
    """Writes are answered with 503, reads as ever; what ends meanwhile is written afterwards."""
    made, content = add_result(service, LARGE_BYTES)
    own_url = service.url + get_job(service, made)["converted_url"]
    one_time = share(service, made, one_time="on")["url"]
    begun = Download(service, one_time)
    job_id = start_drawing(service, clip)
    until = time.monotonic() + 10
    with write_lock(service):
        with refused(service, clip) as answers:
            for address in ("/", f"/jobs/{made}/", f"/jobs/{made}/status", f"/jobs/{job_id}/", "/health/"):
                assert status_of(service.url + address) == 200
            assert status_of(own_url) == 200
            assert begun.finish() == content
        assert [answer.splitlines()[0].split()[1] for answer in answers] == ["503"] * len(answers)
        assert all("Retry-After: " in answer and '"busy"' in answer for answer in answers)
        wait_for(lambda: f"{job_id}.gif" in result_names(service), "the GIF to be published")
        wait_for(lambda: time.monotonic() > until, "ten seconds")
        assert get_job(service, job_id)["status"] == "in_progress"
    job = wait_for_end(service, job_id)
    assert (job["status"], attempts_at(service, job_id)) == ("success", 1)
    wait_for(lambda: status_of(one_time) == 410, "the use to be counted")
    assert status_of(f"-Fvideo=@{clip}", f"{service.url}/uploads/") == 201
    assert "Traceback" not in "".join(service.log)


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_a_lock_held_for_longer_than_a_lease_loses_nothing(service: Service, clip: Path) -> None:
    """For forty seconds nobody can say that the worker lives, nor that its job is done."""
    job_id = start_drawing(service, clip)
    until = time.monotonic() + 40
    with write_lock(service):
        wait_for(lambda: f"{job_id}.gif" in result_names(service), "the GIF to be published", timeout_s=40)
        wait_for(lambda: time.monotonic() > until, "forty seconds", timeout_s=60)
    job = wait_for_end(service, job_id, timeout_s=150)  # perhaps done once more
    assert job["status"] == "success"
    assert status_of(service.url + job["converted_url"]) == 200


@contextmanager
def refused(service: Service, clip: Path) -> Iterator[list[str]]:
    """Ask for what needs a row to be written; the answers are there at the block's end."""
    begin = (*TUS, "-XPOST", "-HUpload-Length: 1000", f"{service.url}/uploads/resumable/")
    asked = [(f"-Fvideo=@{clip}", f"{service.url}/uploads/"), begin]
    running = [
        subprocess.Popen(["curl", "-si", "-m30", *words], stdout=subprocess.PIPE, text=True)
        for words in asked
    ]
    answers: list[str] = []
    yield answers
    answers += [each.communicate()[0].replace("HTTP/1.1 100 Continue\n\n", "") for each in running]


# -- downloads under way -------------------------------------------------------------------------------


def test_what_ends_a_link_cuts_no_download(service: Service) -> None:
    """Expired and swept, or revoked: the file is gone from the disk and arrives whole all the same."""
    expiring, expiring_content = add_result(service, LARGE_BYTES)
    revoked, revoked_content = add_result(service, LARGE_BYTES)
    link = share(service, revoked, one_time="on")
    downloads = [
        Download(service, share(service, expiring, one_time="on")["url"]),
        Download(service, link["url"]),
    ]
    with open_rows(service):
        Link.update(expires_at=time.time() - 1).where(Link.job == expiring).execute()
        Link.update(expires_at=time.time() - 1).where(Link.job == revoked, ~Link.shared).execute()
    assert status_of("-XPOST", service.url + link["revoke_url"]) == 200
    sweep(service)
    assert not {f"{expiring}.gif", f"{revoked}.gif"} & set(result_names(service))
    assert [each.finish() for each in downloads] == [expiring_content, revoked_content]
    assert status_of(link["url"]) == 410


# -- crashes -------------------------------------------------------------------------------------------


def test_a_web_server_killed_in_the_middle_of_everything(start_service: Start, heavy_clip: Path) -> None:
    """Pieces that had arrived stay, a form does not, and a one-time link is not held."""
    service = start_service()
    made, content = add_result(service, LARGE_BYTES)
    one_time = share(service, made, one_time="on")["url"]
    begun = Download(service, one_time)
    clip = heavy_clip.read_bytes()
    half = len(clip) // 2
    location = begin_upload(service, len(clip))
    assert send_piece(service, location, heavy_clip, 0, half) == 204
    server = web_process(service)
    incoming = subprocess.Popen(
        ["curl", "-s", f"-Fvideo=@{heavy_clip}", f"{service.url}/uploads/"],
        stdout=subprocess.DEVNULL,
    )
    wait_for(lambda: list((service.instance / "media/uploads").glob("incoming-*")), "it", interval_s=0.002)
    server.kill()
    assert service.process.wait(30) != 0
    incoming.wait(10)
    begun.hang_up()
    assert list((service.instance / "tmp").iterdir()) == []

    again = start_service(instance=str(service.instance))
    again.instance = service.instance
    for path in (again.instance / "media/uploads").glob("incoming-*"):
        make_old(path)
    sweep(again)
    assert [path.name[:8] for path in (again.instance / "media/uploads").iterdir()] == ["partial-"]
    assert f"Upload-Offset: {half}" in curl(*TUS, "--head", again.url + location)
    assert send_piece(again, location, heavy_clip, half, len(clip)) == 204
    assert (again.instance / "media/uploads" / location.rpartition("/")[2]).read_bytes() == clip
    here = again.url + one_time.removeprefix(service.url)
    assert Download(again, here).finish() == content
    wait_for(lambda: status_of(here) == 410, "the use to be counted")


def begin_upload(service: Service, size_bytes: int) -> str:
    asked = (*TUS, "-i", "-XPOST", f"-HUpload-Length: {size_bytes}", f"{service.url}/uploads/resumable/")
    return curl(*asked).split("Location: ")[1].split()[0]


def send_piece(service: Service, location: str, clip: Path, start: int, stop: int) -> int:
    piece = clip.with_name("piece")
    piece.write_bytes(clip.read_bytes()[start:stop])
    kind = "-HContent-Type: application/offset+octet-stream"
    headers = (*TUS, kind, f"-HUpload-Offset: {start}")
    return status_of("-XPATCH", *headers, "--data-binary", f"@{piece}", service.url + location)


def test_a_worker_killed_between_the_file_and_its_row(service: Service, clip: Path) -> None:
    """The GIF lies there and no row says so: nobody is given it, and the job is done once more."""
    job_id = start_drawing(service, clip)
    with write_lock(service):
        wait_for(lambda: f"{job_id}.gif" in result_names(service), "the GIF to be published")
        worker = query_value(service, "SELECT worker FROM job WHERE id = ?", job_id)
        os.kill(int(worker.split(":")[-1]), signal.SIGKILL)
        assert get_job(service, job_id)["converted_url"] is None
    with open_rows(service):
        long_ago = time.time() - 100
        Job.update(heartbeat_at=long_ago, created_at=long_ago).where(Job.id == job_id).execute()
    sweep(service)  # unless the next worker, which begins with that, was quicker
    job = wait_for_end(service, job_id)
    assert (job["status"], attempts_at(service, job_id)) == ("success", 2)
    for path in (service.instance / "media/results").glob("*.partial"):
        make_old(path)
    sweep(service)
    assert [name for name in result_names(service) if job_id in name] == [f"{job_id}.gif", f"{job_id}.jpg"]
    assert not [name for name in result_names(service) if "partial" in name]
    assert not list((service.instance / "media/work").iterdir())
    got = curl("-o", "/dev/null", "-w", "%{size_download}", service.url + job["converted_url"])
    assert int(got) == job["result"]["bytes"]


# -- a database that is none any more ------------------------------------------------------------------


def test_a_database_damaged_while_running_is_said_and_a_backup_is_enough(service: Service) -> None:
    made, _ = add_result(service, 1000)
    page = f"{service.url}/jobs/{made}/"
    path = service.instance / "chromi.db"
    with closing(sqlite3.connect(path, timeout=20)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = path.read_bytes()
    wait_for(lambda: query_value(service, "SELECT count(*) FROM worker"), "the worker's first heartbeat")
    seen = query_value(service, "SELECT max(seen_at) FROM worker")
    with path.open("r+b") as file:
        file.write(os.urandom(len(whole)))
    answer = curl("-i", page)
    assert answer.startswith("HTTP/1.1 503")
    assert '"database_damaged"' in answer
    assert "Retry-After: " in answer
    health = curl_json(f"{service.url}/health/")
    assert (health["status"], health["database"]["ok"]) == ("unavailable", False)
    assert status_of(f"{service.url}/health/live") == 200
    with path.open("r+b") as file:
        file.write(whole)
    assert status_of(page) == 200
    wait_for(lambda: query_value(service, "SELECT max(seen_at) FROM worker") > seen, "a heartbeat")


def test_too_long_a_token_is_refused_in_our_words(service: Service) -> None:
    """Far beyond any header's size; the server itself says no."""
    host, port = service.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(b"GET /download/" + b"x" * 1_000_000 + b"/ HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b""
        with suppress(ConnectionResetError):
            while piece := connection.recv(65_536):
                answer += piece
    assert b" 431 " in answer.splitlines()[0]
    assert b'"bad_request"' in answer
    wait_for(lambda: any('"status": 431' in line for line in service.log), "its line in the log")
    assert status_of(f"{service.url}/") == 200
