"""The HTTP API against a running service with a worker."""

import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.support.processes import find_ffmpeg_processes
from tests.support.running_service import Service
from tests.support.service_client import curl, curl_json, get_job, start_job
from tests.support.service_database import add_result
from tests.support.waiting import wait_for

pytestmark = pytest.mark.service


def test_documented_requests_convert_clip(service: Service, plain_clip: Path, tmp_path: Path) -> None:
    wait_for(lambda: curl_json(f"{service.url}/health/")["status"] == "ok", "the worker's first heartbeat")
    form = [f"-Fvideo=@{plain_clip}", "-Fstart_time=00:00:00", "-Fduration=2"]
    answer = curl_json(*form, f"{service.url}/convert/")
    assert (answer["enqueued"], answer["status"], answer["async"]) == (True, "queued", True)
    assert answer["status_url"] == f"/jobs/{answer['job_id']}/"
    progress: list[float] = []

    def finished_job() -> Any:
        job = get_job(service, answer["job_id"])
        progress.append(job["progress"]["progress"])
        return job if job["status"] not in ("queued", "in_progress") else None

    job = wait_for(finished_job, "the job to end", timeout_s=90)
    assert job["status"] == "success"
    assert progress == sorted(progress), "progress never decreases"
    assert len({round(value, 2) for value in progress}) >= 5, progress
    assert progress[-1] == 1
    gif = tmp_path / "downloaded.gif"
    curl("-o", str(gif), service.url + job["converted_url"])
    with Image.open(gif) as image:
        assert (image.size, image.n_frames, image.info["loop"]) == ((1280, 720), 48, 0)
    assert gif.stat().st_size == job["result"]["bytes"]


def test_cancel_stops_ffmpeg_and_deletes_files_within_three_seconds(service: Service, clip: Path) -> None:
    before = set(service.media_files())
    job_id = start_job(service, clip)
    wait_for(lambda: find_ffmpeg_processes(service.process.pid), "ffmpeg")
    assert curl_json("-XPOST", f"{service.url}/jobs/{job_id}/cancel")["status"] == "cancelled"
    wait_for(lambda: not find_ffmpeg_processes(service.process.pid), "ffmpeg to end", timeout_s=3)
    wait_for(lambda: set(service.media_files()) <= before, "the files to go", timeout_s=3)
    assert get_job(service, job_id)["status"] == "cancelled"


@pytest.mark.parametrize("size_bytes", [101_000_000, 1_000_000_000])
def test_too_large_upload_gets_413_and_leaves_no_file(
    service: Service, tmp_path: Path, size_bytes: int
) -> None:
    before = set(service.media_files())
    large = tmp_path / "large.mp4"
    with large.open("wb") as file:
        file.truncate(size_bytes)
    answer = curl_json(f"-Fvideo=@{large}", f"{service.url}/convert/")
    assert answer["error"]["code"] == "too_large"
    assert "larger than 100 MB" in answer["error"]["message"]
    assert set(service.media_files()) <= before


@pytest.fixture(scope="module")
def finished(service: Service) -> Any:
    """A finished job whose file is much larger than any socket buffer."""
    job_id, _ = add_result(service, 22_000_000)
    return get_job(service, job_id)


def open_stalled(service: Service, path: str) -> socket.socket:
    """Request a file and do not read the response."""
    host, port = service.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    headers = f"Host: {host}:{port}\r\nUser-Agent: curl/8.5.0\r\nRange: bytes=0-"
    connection.sendall(f"GET {path} HTTP/1.1\r\n{headers}\r\n\r\n".encode())
    return connection


def test_stalled_downloads_do_not_block_other_requests(service: Service, finished: Any) -> None:
    stalled = [open_stalled(service, finished["converted_url"]) for _ in range(12)]
    try:
        for connection in stalled:
            assert connection.recv(20).startswith(b"HTTP/1.1 206")
        assert "Chromi" in curl("--max-time", "2", "-H", "Accept: text/html", f"{service.url}/")
    finally:
        for connection in stalled:
            connection.close()


def test_single_use_link_is_used_up_only_by_complete_download(
    service: Service, finished: Any, tmp_path: Path
) -> None:
    links_url = f"{service.url}/jobs/{finished['job_id']}/links/"
    url = curl_json("-Fexpires=10m", "-Fone_time=on", links_url)["url"]
    interrupted = open_stalled(service, url.removeprefix(service.url))
    assert interrupted.recv(20).startswith(b"HTTP/1.1 206")
    assert status_of(url) == "409"
    interrupted.close()
    assert curl("--head", url).startswith("HTTP/1.1 200")
    gif = tmp_path / "downloaded.gif"

    def download() -> bool:
        return curl("-o", str(gif), "-w", "%{http_code}", url) == "200"

    wait_for(download, "the interrupted download to end")
    assert gif.stat().st_size == finished["result"]["bytes"]
    wait_for(lambda: status_of(url) == "410", "the use to be counted")


def test_simultaneous_downloads_do_not_exceed_limit(service: Service, finished: Any, tmp_path: Path) -> None:
    links_url = f"{service.url}/jobs/{finished['job_id']}/links/"
    url = curl_json("-Fmax_uses=3", links_url)["url"]
    running = [
        subprocess.Popen(
            ["curl", "-sS", "-m60", "-w%{http_code}", f"-o{tmp_path}/{number}.gif", url],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(8)
    ]
    statuses = [each.communicate()[0] for each in running]
    assert statuses.count("200") == 3, statuses
    assert set(statuses) <= {"200", "409", "410"}
    size = finished["result"]["bytes"]
    assert sum(path.stat().st_size == size for path in tmp_path.glob("*.gif")) == 3
    wait_for(lambda: curl_json(links_url)["links"][0]["uses"] == 3, "the uses to be counted")
    assert status_of(url) == "410"


def test_download_with_password_can_be_resumed(service: Service, finished: Any, tmp_path: Path) -> None:
    links_url = f"{service.url}/jobs/{finished['job_id']}/links/"
    url = curl_json("-Fmax_uses=1", "-Fpassword=four words", links_url)["url"]
    gif, jar = tmp_path / "downloaded.gif", tmp_path / "jar"
    assert status_of(url) == "401"
    limits = ["--limit-rate", "100k", "-m2"]
    interrupted = ["curl", "-sS", "-Fpassword=four words", f"-c{jar}", f"-o{gif}", *limits, url]
    assert subprocess.run(interrupted, capture_output=True).returncode == 28  # curl's timeout
    start = gif.read_bytes()
    assert start
    rest = tmp_path / "rest"

    def resume() -> bool:
        return curl(f"-b{jar}", f"-r{len(start)}-", "-o", str(rest), "-w", "%{http_code}", url) == "206"

    wait_for(resume, "the interrupted download to end")
    whole = tmp_path / "whole.gif"
    curl("-o", str(whole), service.url + finished["converted_url"])
    assert start + rest.read_bytes() == whole.read_bytes()
    wait_for(lambda: status_of(url) == "410", "the use to be counted")


def status_of(url: str) -> str:
    """Return the status of a GET request for two bytes."""
    return curl("-o", "/dev/null", "-r", "0-1", "-w", "%{http_code}", url)


def test_health_shows_details_only_to_local_requests(service: Service) -> None:
    """Against the real server, which passes on the headers that reveal a proxy."""
    local = curl_json(f"{service.url}/health/")
    forwarded = curl_json("-H", "X-Forwarded-For: 127.0.0.1", f"{service.url}/health/")
    remote = curl_json("-H", "Host: chromi.example.org", f"{service.url}/health/")
    assert "MB free" in local["disk"]["detail"]
    assert forwarded == remote
    assert (forwarded["version"], forwarded["disk"]) == (None, {"ok": True, "detail": None})
