"""A running service reports a full disk, leaves no partial files and recovers by itself.

The instance folder is a small tmpfs in a mount namespace that only the service has.
"""

import contextlib
import json
import os
import select
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from chromi.config import MB
from chromi.storage import MIN_FREE_BYTES
from tests.support.clips import make_clip
from tests.support.raw_connections import read_until_reset
from tests.support.running_service import Service, end_service, run_service
from tests.support.service_client import curl, curl_json, start_job, wait_for_end
from tests.support.waiting import wait_for

pytestmark = pytest.mark.service

TUS = ("-HTus-Resumable: 1.0.0",)
CHUNK_TYPE = ("-HContent-Type: application/offset+octet-stream",)
SIZE_MB = MIN_FREE_BYTES // MB + 150
MOUNT_AND_RUN = 'mount -t tmpfs -o size="$1"m tmpfs "$2" && shift 2 && exec "$@"'


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose disk has 150 MB more than the required free space."""
    folder = tmp_path_factory.mktemp("small_disk")
    namespace = ("unshare", "--mount", *(() if os.getuid() == 0 else ("--map-root-user",)))
    wrapper = (*namespace, "sh", "-c", MOUNT_AND_RUN, "sh", str(SIZE_MB), str(folder))
    mounted = subprocess.run(["env", *wrapper, "true"], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"cannot mount a file system here: {mounted.stderr.strip()}")
    service = run_service(folder, {}, wrapper=wrapper)
    service.instance = Path(f"/proc/{service.process.pid}/root{folder}")
    wait_for(lambda: curl_json(f"{service.url}/health/")["worker"]["ok"], "the worker's first heartbeat")
    yield service
    end_service(service)


@pytest.fixture(scope="module")
def finished_job(small_disk: Service, plain_clip: Path) -> Any:
    """The JSON of a finished job, whose clip has been removed."""
    job = wait_for_end(small_disk, start_job(small_disk, plain_clip, duration="1"))
    wait_for(lambda: len(small_disk.media_files()) == 3, "the job's clip to be removed")
    return job


@contextmanager
def full_disk(service: Service, *, free_bytes: int = 0) -> Iterator[None]:
    """Fill the disk up to this many free bytes."""
    filler = service.instance / "filler"
    with filler.open("wb") as file:
        try:
            while (fill_bytes := get_free_bytes(service) - free_bytes) > 0:
                with contextlib.suppress(OSError):  # a job may have used the space in the meantime
                    os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), fill_bytes)
            yield
        finally:
            filler.unlink()


def get_free_bytes(service: Service) -> int:
    disk = os.statvfs(service.instance)
    return disk.f_bavail * disk.f_frsize


def request(*arguments: str) -> tuple[int, str | None]:
    """Send a request and return the response's status and error code, if any."""
    body, _, status = curl("-w", "\n%{http_code}", *arguments).rpartition("\n")
    error = json.loads(body).get("error") if body.startswith("{") else None
    return int(status), error and error["code"]


def test_uploads_are_rejected_and_reads_succeed_on_a_full_disk(
    small_disk: Service, finished_job: Any, clip: Path, tmp_path: Path
) -> None:
    job = finished_job
    with full_disk(small_disk):
        for path in ("uploads/", "convert/"):
            assert request(f"-Fvideo=@{clip}", f"{small_disk.url}/{path}") == (503, "disk_full")
        create = (*TUS, "-XPOST", "-HUpload-Length: 1000", f"{small_disk.url}/uploads/resumable/")
        assert request(*create) == (503, "disk_full")
        for path in ("/", f"/jobs/{job['job_id']}/", f"/jobs/{job['job_id']}/status"):
            assert request(small_disk.url + path) == (200, None)
        gif = tmp_path / "downloaded.gif"
        assert curl("-o", str(gif), "-w", "%{http_code}", small_disk.url + job["converted_url"]) == "200"
        assert gif.stat().st_size == job["result"]["bytes"]
        health = curl_json(f"{small_disk.url}/health/")
        assert (health["status"], health["disk"]["ok"]) == ("unavailable", False)
        assert sorted(path.suffix for path in small_disk.media_files()) == [".gif", ".jpg", ".mp4"]
    assert request(f"-Fvideo=@{clip}", f"{small_disk.url}/uploads/")[0] == 201


def test_full_disk_clears_frame_cache(small_disk: Service, plain_clip: Path) -> None:
    """The service removes cached frames although it can write neither a task nor a row."""
    upload = curl_json(f"-Fvideo=@{plain_clip}", f"{small_disk.url}/uploads/")
    job = curl_json("-Fduration=1", f"{small_disk.url}/uploads/{upload['upload_id']}/jobs/")
    assert wait_for_end(small_disk, job["job_id"])["status"] == "success"
    cache = small_disk.instance / "media/frames"
    wait_for(lambda: list(cache.iterdir()), "cached frames")
    with full_disk(small_disk):
        wait_for(lambda: not list(cache.iterdir()), "the cached frames to be removed", timeout_s=20)


def test_chunk_rejected_by_full_disk_can_be_sent_again(small_disk: Service, heavy_clip: Path) -> None:
    content = heavy_clip.read_bytes()
    half = len(content) // 2
    create = (*TUS, "-i", "-XPOST", f"-HUpload-Length: {len(content)}")
    response = curl(*create, f"{small_disk.url}/uploads/resumable/")
    location = response.split("Location: ")[1].split()[0]
    assert send_chunk(small_disk, location, 0, content[:half]) == (204, None)
    with full_disk(small_disk):
        assert send_chunk(small_disk, location, half, content[half:]) == (503, "disk_full")
    offset = int(curl(*TUS, "--head", small_disk.url + location).split("Upload-Offset: ")[1].split()[0])
    assert offset >= half
    assert send_chunk(small_disk, location, offset, content[offset:]) == (204, None)
    [path] = [path for path in small_disk.media_files() if path.name == location.rpartition("/")[2]]
    assert path.read_bytes() == content


def send_chunk(service: Service, location: str, offset: int, chunk: bytes) -> tuple[int, str | None]:
    with tempfile.NamedTemporaryFile() as file:
        file.write(chunk)
        file.flush()
        headers = (*TUS, *CHUNK_TYPE, f"-HUpload-Offset: {offset}")
        return request("-XPATCH", *headers, "--data-binary", f"@{file.name}", service.url + location)


def test_disk_that_fills_up_during_a_body_is_reported(small_disk: Service) -> None:
    """The server spools the body before it calls the application."""
    before = small_disk.media_files()
    host, port = small_disk.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        head = "POST /uploads/ HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n"
        connection.sendall(f"{head}Content-Type: multipart/form-data; boundary=b\r\n\r\n".encode())
        connection.sendall(b"x" * 2_000_000)
        with full_disk(small_disk):
            sent_bytes = 0
            while not select.select([connection], [], [], 0.01)[0] and sent_bytes < 17_000_000:
                connection.sendall(b"x" * 65_536)
                sent_bytes += 65_536
            response = read_until_reset(connection)  # unread bytes of the body may cause a reset
    assert response.startswith(b"HTTP/1.1 503")
    assert b"disk_full" in response
    assert b"Retry-After" in response
    assert sent_bytes < 17_000_000
    assert small_disk.media_files() == before
    assert request(f"{small_disk.url}/")[0] == 200


@pytest.mark.parametrize("step", ["reading", "encoding"])
def test_conversion_on_full_disk_fails_with_a_message(
    small_disk: Service, heavy_clip: Path, step: str
) -> None:
    files = set(small_disk.media_files())
    job_id = start_job(small_disk, heavy_clip, quality="best", duration="1.5")
    with requests.Session() as client:
        client.headers["User-Agent"] = "curl/8.5.0"

        def get_step() -> str:
            step: str = client.get(f"{small_disk.url}/jobs/{job_id}/", timeout=30).json()["progress"]["step"]
            return step

        wait_for(lambda: get_step() == step, step, timeout_s=90)
    with full_disk(small_disk, free_bytes=2 * MB):
        job = wait_for_end(small_disk, job_id)
    assert (job["status"], job["error"]["code"]) == ("failed", "disk_full")
    assert "out of disk space" in job["error"]["message"]
    wait_for(lambda: set(small_disk.media_files()) <= files, "the job's files to be removed")


def test_row_rejected_by_full_disk_is_written_once_there_is_space(
    small_disk: Service, finished_job: Any, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=2, size="64x36", pattern="color")
    job = finished_job
    upload = curl_json(f"-Fvideo=@{clip}", f"{small_disk.url}/uploads/")
    links_url = f"{small_disk.url}/jobs/{job['job_id']}/links/"
    link, one_time_link = curl_json("-XPOST", links_url), curl_json("-Fone_time=on", links_url)
    writes = {
        ("-XPOST", links_url): 201,
        ("-Fduration=1", f"{small_disk.url}{upload['url']}jobs/"): 202,
        ("-XPOST", small_disk.url + link["revoke_url"]): 200,
    }
    with full_disk(small_disk):
        for arguments in (*writes, (one_time_link["url"],)):
            assert request(*arguments) == (503, "disk_full"), arguments
        assert get_size_bytes(link["url"]) == job["result"]["bytes"], "this link needs no row to be written"
        listed = curl_json(links_url)["links"]
    assert sorted(each["url"] for each in listed) == sorted([link["url"], one_time_link["url"]])
    for arguments, status in writes.items():
        assert request(*arguments) == (status, None), arguments
    assert get_size_bytes(one_time_link["url"]) == job["result"]["bytes"], "the rejected use is not counted"
    assert len(curl_json(links_url)["links"]) == 3
    wait_for(lambda: request(one_time_link["url"]) == (410, "link_used_up"), "the use to be counted")
    assert request(link["url"]) == (410, "link_revoked")
    assert "Traceback" not in "".join(small_disk.log)


def get_size_bytes(url: str) -> int:
    return int(curl("-o", "/dev/null", "-w", "%{size_download}", url))


def test_service_recovers_when_disk_space_is_freed(small_disk: Service, plain_clip: Path) -> None:
    """The processes are the same as in the tests above, during which the disk was full."""
    assert wait_for_end(small_disk, start_job(small_disk, plain_clip, duration="1"))["status"] == "success"
    assert not [line for line in small_disk.log if "died" in line]
    assert wait_for(lambda: curl_json(f"{small_disk.url}/health/")["database"]["ok"], "health")
