"""The published calls, against the whole running service."""

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


def test_the_published_calls_work_as_they_stand(service: Service, plain_clip: Path, tmp_path: Path) -> None:
    wait_for(lambda: curl_json(f"{service.url}/health/")["status"] == "ok", "the worker's first heartbeat")
    form = [f"-Fvideo=@{plain_clip}", "-Fstart_time=00:00:00", "-Fduration=6"]
    answer = curl_json(*form, f"{service.url}/convert/")
    assert (answer["enqueued"], answer["status"], answer["async"]) == (True, "queued", True)
    assert answer["status_url"] == f"/jobs/{answer['job_id']}/"
    seen: list[float] = []

    def ended() -> Any:
        job = get_job(service, answer["job_id"])
        seen.append(job["progress"]["progress"])
        return job if job["status"] not in ("queued", "in_progress") else None

    job = wait_for(ended, "the job to end", timeout_s=90)
    assert job["status"] == "success"
    assert seen == sorted(seen), "progress never goes back"
    assert len({round(value, 2) for value in seen}) >= 5, seen
    assert seen[-1] == 1
    gif = tmp_path / "got.gif"
    curl("-o", str(gif), service.url + job["converted_url"])
    with Image.open(gif) as image:
        assert (image.size, image.n_frames, image.info["loop"]) == ((1280, 720), 144, 0)
    assert gif.stat().st_size == job["result"]["bytes"]


def test_cancelling_ends_ffmpeg_within_three_seconds_and_leaves_no_file(service: Service, clip: Path) -> None:
    before = set(service.media_files())
    job_id = start_job(service, clip)
    wait_for(lambda: find_ffmpeg_processes(service.process.pid), "ffmpeg")
    assert curl_json("-XPOST", f"{service.url}/jobs/{job_id}/cancel")["status"] == "cancelled"
    wait_for(lambda: not find_ffmpeg_processes(service.process.pid), "ffmpeg to end", timeout_s=3)
    wait_for(lambda: set(service.media_files()) <= before, "the files to go", timeout_s=3)
    assert get_job(service, job_id)["status"] == "cancelled"


@pytest.mark.parametrize("size_bytes", [101_000_000, 1_000_000_000])
def test_too_large_a_file_gets_our_own_413_and_leaves_nothing(
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
    """A job whose file is much larger than any socket's buffer."""
    job_id, _ = add_result(service, 22_000_000)
    return get_job(service, job_id)


def open_stalled(service: Service, path: str) -> socket.socket:
    """Ask for a file and read only the status, 206."""
    host, port = service.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    headers = f"Host: {host}:{port}\r\nUser-Agent: curl/8.5.0\r\nRange: bytes=0-"
    connection.sendall(f"GET {path} HTTP/1.1\r\n{headers}\r\n\r\n".encode())
    return connection


def test_stalled_downloads_block_nobody(service: Service, finished: Any) -> None:
    stalled = [open_stalled(service, finished["converted_url"]) for _ in range(12)]
    try:
        for connection in stalled:
            assert connection.recv(20).startswith(b"HTTP/1.1 206")
        assert "Chromi" in curl("--max-time", "2", "-H", "Accept: text/html", f"{service.url}/")
    finally:
        for connection in stalled:
            connection.close()


def test_a_one_time_link_survives_a_cut_and_ends_with_the_last_byte(
    service: Service, finished: Any, tmp_path: Path
) -> None:
    links_url = f"{service.url}/jobs/{finished['job_id']}/links/"
    url = curl_json("-Fexpires=10m", "-Fone_time=on", links_url)["url"]
    cut = open_stalled(service, url.removeprefix(service.url))
    assert cut.recv(20).startswith(b"HTTP/1.1 206")
    assert status_of(url) == "409"
    cut.close()
    assert curl("--head", url).startswith("HTTP/1.1 200")
    gif = tmp_path / "got.gif"

    def download() -> bool:
        return curl("-o", str(gif), "-w", "%{http_code}", url) == "200"

    wait_for(download, "the cut download to let go")
    assert gif.stat().st_size == finished["result"]["bytes"]
    wait_for(lambda: status_of(url) == "410", "the use to be counted")


def test_who_asks_at_once_gets_no_more_than_the_link_gives(
    service: Service, finished: Any, tmp_path: Path
) -> None:
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
    answers = [each.communicate()[0] for each in running]
    assert answers.count("200") == 3, answers
    assert set(answers) <= {"200", "409", "410"}
    size = finished["result"]["bytes"]
    assert sum(path.stat().st_size == size for path in tmp_path.glob("*.gif")) == 3
    wait_for(lambda: curl_json(links_url)["links"][0]["uses"] == 3, "the uses to be counted")
    assert status_of(url) == "410"


def test_a_download_behind_a_password_is_cut_and_resumed(
    service: Service, finished: Any, tmp_path: Path
) -> None:
    links_url = f"{service.url}/jobs/{finished['job_id']}/links/"
    url = curl_json("-Fmax_uses=1", "-Fpassword=four words", links_url)["url"]
    gif, jar = tmp_path / "got.gif", tmp_path / "jar"
    assert status_of(url) == "401"
    cut = ["curl", "-sS", "-Fpassword=four words", f"-c{jar}", f"-o{gif}", "--limit-rate", "100k", "-m4", url]
    assert subprocess.run(cut, capture_output=True).returncode == 28  # its time was up
    start = gif.read_bytes()
    assert start
    rest = tmp_path / "rest"

    def resume() -> bool:
        return curl(f"-b{jar}", f"-r{len(start)}-", "-o", str(rest), "-w", "%{http_code}", url) == "206"

    wait_for(resume, "the cut download to let go")
    whole = tmp_path / "whole.gif"
    curl("-o", str(whole), service.url + finished["converted_url"])
    assert start + rest.read_bytes() == whole.read_bytes()
    wait_for(lambda: status_of(url) == "410", "the use to be counted")


def status_of(url: str) -> str:
    """The status of a GET that takes two bytes at most."""
    return curl("-o", "/dev/null", "-r", "0-1", "-w", "%{http_code}", url)


def test_health_tells_its_details_only_to_requests_of_this_machine(service: Service) -> None:
    """Through the real server: it passes on the headers by which a proxy is known."""
    own = curl_json(f"{service.url}/health/")
    forwarded = curl_json("-H", "X-Forwarded-For: 127.0.0.1", f"{service.url}/health/")
    named = curl_json("-H", "Host: chromi.example.org", f"{service.url}/health/")
    assert "MB free" in own["disk"]["detail"]
    assert forwarded == named
    assert (forwarded["version"], forwarded["disk"]) == (None, {"ok": True, "detail": None})
