"""A disk that is really full, under the running service: said plainly, nothing partial, well again by itself.

The instance folder is a small file system of its own (tmpfs) in a mount namespace that only the service has.
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

import pytest

from chromi.config import MB
from chromi.storage import MIN_FREE_BYTES
from tests.support.clips import make_clip
from tests.support.running_service import Service, end_service, run_service
from tests.support.service_client import curl, curl_json, get_job, start_job, wait_for_end
from tests.support.waiting import wait_for

pytestmark = pytest.mark.service

TUS = ("-HTus-Resumable: 1.0.0",)
PIECE = ("-HContent-Type: application/offset+octet-stream",)
SIZE_MB = MIN_FREE_BYTES // MB + 150
MOUNT = 'mount -t tmpfs -o size="$1"m tmpfs "$2" && shift 2 && exec "$@"'


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose folder has room for little more than it wants to be free."""
    folder = tmp_path_factory.mktemp("small")
    namespace = ("unshare", "--mount", *(() if os.getuid() == 0 else ("--map-root-user",)))
    inside = (*namespace, "sh", "-c", MOUNT, "sh", str(SIZE_MB), str(folder))
    tried = subprocess.run(["env", *inside, "true"], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"no file system of its own can be mounted here: {tried.stderr.strip()}")
    service = run_service(folder, {}, wrapper=inside)
    service.instance = Path(f"/proc/{service.process.pid}/root{folder}")
    wait_for(lambda: curl_json(f"{service.url}/health/")["worker"]["ok"], "the worker's first heartbeat")
    yield service
    end_service(service)


@contextmanager
def full(service: Service, *, but_for: int = 0) -> Iterator[None]:
    """Take all room that there is, to the last block or but for so many bytes."""
    filler = service.instance / "filler"
    with filler.open("wb") as file:
        try:
            while (room := _free_bytes(service) - but_for) > 0:
                with contextlib.suppress(OSError):  # a job may have been quicker
                    os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), room)
            yield
        finally:
            filler.unlink()


def _free_bytes(service: Service) -> int:
    found = os.statvfs(service.instance)
    return found.f_bavail * found.f_frsize


def answer_of(*arguments: str) -> tuple[int, str | None]:
    """The status, and the error's code if there is one."""
    body, _, status = curl("-w", "\n%{http_code}", *arguments).rpartition("\n")
    error = json.loads(body).get("error") if body.startswith("{") else None
    return int(status), error and error["code"]


def test_an_upload_to_a_full_disk_is_refused_and_everything_that_only_reads_works(
    small: Service, clip: Path, plain_clip: Path, tmp_path: Path
) -> None:
    job = wait_for_end(small, start_job(small, plain_clip, duration="1"))
    wait_for(lambda: len(small.media_files()) == 2, "the job's clip to go")
    with full(small):
        for address in ("uploads/", "convert/"):
            assert answer_of(f"-Fvideo=@{clip}", f"{small.url}/{address}") == (503, "disk_full")
        begin = (*TUS, "-XPOST", "-HUpload-Length: 1000", f"{small.url}/uploads/resumable/")
        assert answer_of(*begin) == (503, "disk_full")
        for address in ("/", f"/jobs/{job['job_id']}/", f"/jobs/{job['job_id']}/status"):
            assert answer_of(small.url + address) == (200, None)
        gif = tmp_path / "got.gif"
        assert curl("-o", str(gif), "-w", "%{http_code}", small.url + job["converted_url"]) == "200"
        assert gif.stat().st_size == job["result"]["bytes"]
        health = curl_json(f"{small.url}/health/")
        assert (health["status"], health["disk"]["ok"]) == ("unavailable", False)
        assert sorted(path.suffix for path in small.media_files()) == [".gif", ".jpg"]
    assert answer_of(f"-Fvideo=@{clip}", f"{small.url}/uploads/")[0] == 201


def test_a_full_disk_is_rid_of_what_is_only_kept_to_be_quick(small: Service, plain_clip: Path) -> None:
    """The frames that spare the next job the reading: no task and no row can be written to remove them."""
    upload = curl_json(f"-Fvideo=@{plain_clip}", f"{small.url}/uploads/")
    job = curl_json("-Fduration=1", f"{small.url}/uploads/{upload['upload_id']}/jobs/")
    assert wait_for_end(small, job["job_id"])["status"] == "success"
    kept = small.instance / "media/frames"
    wait_for(lambda: list(kept.iterdir()), "frames to be kept")
    with full(small):
        wait_for(lambda: not list(kept.iterdir()), "them to go", timeout_s=20)


def test_a_piece_that_finds_no_room_is_sent_again_later(small: Service, heavy_clip: Path) -> None:
    content = heavy_clip.read_bytes()
    half = len(content) // 2
    begin = (*TUS, "-i", "-XPOST", f"-HUpload-Length: {len(content)}", f"{small.url}/uploads/resumable/")
    location = curl(*begin).split("Location: ")[1].split()[0]
    first = send_piece(small, location, 0, content[:half])
    assert first == (204, None)
    with full(small):
        assert send_piece(small, location, half, content[half:]) == (503, "disk_full")
    here = int(curl(*TUS, "--head", small.url + location).split("Upload-Offset: ")[1].split()[0])
    assert here >= half
    assert send_piece(small, location, here, content[here:]) == (204, None)
    [path] = [path for path in small.media_files() if path.name == location.rpartition("/")[2]]
    assert path.read_bytes() == content


def send_piece(service: Service, location: str, offset: int, piece: bytes) -> tuple[int, str | None]:
    with tempfile.NamedTemporaryFile() as file:
        file.write(piece)
        file.flush()
        headers = (*TUS, *PIECE, f"-HUpload-Offset: {offset}")
        return answer_of("-XPATCH", *headers, "--data-binary", f"@{file.name}", service.url + location)


def test_a_disk_that_fills_up_while_a_body_arrives_is_said(small: Service) -> None:
    """The server spools it before the application hears of it."""
    before = small.media_files()
    host, port = small.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        head = "POST /uploads/ HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n"
        connection.sendall(f"{head}Content-Type: multipart/form-data; boundary=b\r\n\r\n".encode())
        connection.sendall(b"x" * 2_000_000)
        with full(small):
            sent = 0
            while not select.select([connection], [], [], 0.01)[0] and sent < 17_000_000:
                connection.sendall(b"x" * 65_536)
                sent += 65_536
            answer = b""
            with contextlib.suppress(ConnectionResetError):  # what was sent in vain may break it in the end
                while piece := connection.recv(65_536):
                    answer += piece
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"disk_full" in answer
    assert b"Retry-After" in answer
    assert sent < 17_000_000
    assert small.media_files() == before
    assert answer_of(f"{small.url}/")[0] == 200


@pytest.mark.parametrize("step", ["reading", "encoding"])
def test_a_conversion_that_finds_no_room_fails_with_a_sentence(
    small: Service, heavy_clip: Path, step: str
) -> None:
    job_id = start_job(small, heavy_clip, quality="best", duration="4")
    wait_for(lambda: get_job(small, job_id)["progress"]["step"] == step, step, interval_s=0.02)
    with full(small, but_for=2 * MB):
        job = wait_for_end(small, job_id)
    assert (job["status"], job["error"]["code"]) == ("failed", "disk_full")
    assert "out of disk space" in job["error"]["message"]
    wait_for(lambda: not [path for path in small.media_files() if job_id in str(path)], "its files to go")


def test_a_row_that_finds_no_room_is_refused_and_written_when_there_is_some(
    small: Service,
    tmp_path: Path,
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=2, size="64x36", pattern="color")
    before = len(small.media_files())
    made = wait_for_end(small, start_job(small, clip, duration="1"))
    wait_for(lambda: len(small.media_files()) == before + 2, "the job's clip to go: its room would be enough")
    upload = curl_json(f"-Fvideo=@{clip}", f"{small.url}/uploads/")
    page = f"{small.url}/jobs/{made['job_id']}/"
    link, once = curl_json("-XPOST", f"{page}links/"), curl_json("-Fone_time=on", f"{page}links/")
    writing = {
        ("-XPOST", f"{page}links/"): 201,
        ("-Fduration=1", f"{small.url}{upload['url']}jobs/"): 202,
        ("-XPOST", small.url + link["revoke_url"]): 200,
    }
    with full(small):
        for words in (*writing, (once["url"],)):
            assert answer_of(*words) == (503, "disk_full"), words
        assert size_of(link["url"]) == made["result"]["bytes"], "nothing has to be written for that"
        listed = curl_json(f"{page}links/")["links"]
    assert sorted(each["url"] for each in listed) == sorted([link["url"], once["url"]])
    for words, status in writing.items():
        assert answer_of(*words) == (status, None), words
    assert size_of(once["url"]) == made["result"]["bytes"], "its use was not taken in vain"
    assert len(curl_json(f"{page}links/")["links"]) == 3
    wait_for(lambda: answer_of(once["url"]) == (410, "link_used_up"), "that use to be counted")
    assert answer_of(link["url"]) == (410, "link_revoked")
    assert "Traceback" not in "".join(small.log)


def size_of(url: str) -> int:
    return int(curl("-o", "/dev/null", "-w", "%{size_download}", url))


def test_with_room_again_everything_works_as_before(small: Service, plain_clip: Path) -> None:
    """By the same processes that met the full disk in all the tests above."""
    assert wait_for_end(small, start_job(small, plain_clip, duration="1"))["status"] == "success"
    assert not [line for line in small.log if "died, restarting" in line]
    assert wait_for(lambda: curl_json(f"{small.url}/health/")["database"]["ok"], "health")
