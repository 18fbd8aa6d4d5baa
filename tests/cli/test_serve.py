"""`python -m chromi serve`: it starts with one command and ends without a trace."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import psutil
import pytest

from tests.support.paths import ROOT
from tests.support.processes import find_ffmpeg_processes, find_public_paths, handles_signal, have_ended
from tests.support.running_service import Service
from tests.support.service_client import curl, curl_json, get_job, start_job, wait_for_end
from tests.support.waiting import wait_for

pytestmark = pytest.mark.service

Start = Callable[..., Service]
PR_SET_CHILD_SUBREAPER = 36


def child_running(service: Service, words: str) -> psutil.Process:
    [found] = [
        child
        for child in psutil.Process(service.process.pid).children()
        if words in " ".join(child.cmdline())
    ]
    return found


ADOPTING = f"""
import ctypes
ctypes.CDLL(None).prctl({PR_SET_CHILD_SUBREAPER}, 1, 0, 0, 0)
from chromi.cli import run
run()
"""


def workers_of(service: Service) -> set[int]:
    """The processes that the consumer has started, its scheduler among them."""
    return {child.pid for child in child_running(service, "huey_consumer").children()}


def environments_of(processes: list[psutil.Process]) -> list[dict[str, str]]:
    found = []
    for process in processes:
        with suppress(psutil.Error):  # it ended while we looked, or has not become ffmpeg yet
            if "-version" not in process.cmdline():  # asked of ffmpeg itself, with no file of anybody
                found.append(process.environ())
    return found


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_everything_cleanly(start_service: Start, signum: int) -> None:
    service = start_service()
    wait_for(lambda: len(service.processes()) >= 5, "web, consumer, scheduler and worker")
    family = service.processes()
    consumer = child_running(service, "huey_consumer")
    wait_for(lambda: handles_signal(consumer.pid, signal.SIGTERM), "the consumer to listen")
    assert service.stop(signum) == 0
    wait_for(lambda: have_ended(family), "all processes to end")
    assert "Traceback" not in "".join(service.log)


@pytest.mark.parametrize("victim", ["chromi web", "huey_consumer"])
def test_when_one_process_dies_the_other_is_ended(start_service: Start, victim: str) -> None:
    service = start_service()
    wait_for(lambda: len(service.processes()) >= 5, "all processes")
    family = service.processes()
    child_running(service, victim).kill()
    assert service.process.wait(30) != 0
    wait_for(lambda: have_ended(family), "all processes to end")


def test_a_dead_web_server_waits_for_no_job_to_be_started_again(start_service: Start, clip: Path) -> None:
    service = start_service()
    job_id = start_job(service, clip, quality="best")
    wait_for(lambda: find_ffmpeg_processes(child_running(service, "huey_consumer").pid), "ffmpeg")
    child_running(service, "chromi web").kill()
    assert service.process.wait(30) == 1
    with closing(sqlite3.connect(service.instance / "chromi.db")) as rows:
        assert rows.execute("SELECT state FROM job WHERE id = ?", [job_id]).fetchone() == ("queued",)


def test_nothing_outlives_a_killed_supervisor(start_service: Start, clip: Path) -> None:
    service = start_service(secret_key="a key that nobody is told", admin_token="a token of the host's")
    start_job(service, clip)
    environments = wait_for(lambda: environments_of(find_ffmpeg_processes(service.process.pid)), "ffmpeg")
    assert not [name for each in environments for name in each if name.startswith("CHROMI")]
    family = service.processes()
    service.process.kill()
    wait_for(lambda: have_ended(family), "all processes to end", timeout_s=5)


def test_after_sigterm_the_web_server_answers_until_the_running_job_has_finished(
    start_service: Start, clip: Path, plain_clip: Path, tmp_path: Path
) -> None:
    service = start_service()
    made = wait_for_end(service, start_job(service, plain_clip, duration="1"))
    running = start_job(service, clip, duration="3")
    wait_for(lambda: find_ffmpeg_processes(child_running(service, "huey_consumer").pid), "ffmpeg")
    service.process.send_signal(signal.SIGTERM)

    def is_made_and_answered() -> bool:
        curl(f"{service.url}/jobs/{running}/status")  # raises as soon as nobody answers
        return (service.instance / f"media/results/{running}.gif").exists()

    gif = tmp_path / "got.gif"
    curl("-o", str(gif), service.url + made["converted_url"])
    late = start_job(service, plain_clip, duration="1")
    wait_for(is_made_and_answered, "the running job's GIF", timeout_s=60)
    assert gif.stat().st_size == made["result"]["bytes"]
    assert service.process.wait(30) == 0
    assert find_ffmpeg_processes() == []

    again = start_service(instance=str(service.instance))
    assert get_job(again, running)["status"] == "success"
    assert wait_for_end(again, late)["status"] == "success"


def test_the_end_of_an_orphan_ends_nothing(start_service: Start, clip: Path) -> None:
    """As PID 1 of a container without an init: orphans become the supervisor's children."""
    service = start_service(("-c", ADOPTING, "serve"))
    start_job(service, clip, quality="best")
    orphans = wait_for(lambda: find_ffmpeg_processes(child_running(service, "huey_consumer").pid), "ffmpeg")
    worker = orphans[0].parent()
    assert worker is not None
    before = workers_of(service)
    worker.kill()
    wait_for(lambda: not any(each.is_running() for each in orphans), "ffmpeg to end and to be reaped")
    wait_for(lambda: workers_of(service) - before, "a new worker")
    assert curl_json(f"{service.url}/health/live") == {"status": "ok"}
    children = psutil.Process(service.process.pid).children()
    assert sorted(child.status() == psutil.STATUS_ZOMBIE for child in children) == [False, False]


def test_ctrl_c_puts_the_running_job_back_and_the_next_start_does_it(
    start_service: Start, clip: Path
) -> None:
    service = start_service()
    job_id = start_job(service, clip, duration="3")
    wait_for(lambda: find_ffmpeg_processes(service.process.pid), "ffmpeg")
    assert service.stop(signal.SIGINT, timeout_s=20) == 0
    assert not list((service.instance / "media/work").iterdir())
    again = start_service(instance=str(service.instance))
    assert wait_for_end(again, job_id)["status"] == "success"


def test_a_port_that_is_taken_is_said_and_ends_the_start(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run_up(tmp_path, CHROMI_PORT=str(taken.getsockname()[1]))
    assert done.returncode != 0
    assert "Cannot listen on 127.0.0.1" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_second_service_on_the_same_folder_is_refused(start_service: Start) -> None:
    service = start_service()
    done = run_up(service.instance, CHROMI_PORT="0")
    assert done.returncode != 0
    assert "already serves" in done.stdout
    assert curl_json(f"{service.url}/health/")["database"]["ok"]


def test_a_host_that_is_none_is_said(tmp_path: Path) -> None:
    done = run_up(tmp_path, CHROMI_HOST="0.0.0.0x")
    assert done.returncode != 0
    assert "Cannot listen on 0.0.0.0x" in done.stdout
    assert "Traceback" not in done.stdout


def test_an_unknown_setting_ends_the_start_and_names_the_allowed(tmp_path: Path) -> None:
    done = run_up(tmp_path, CHROMI_PROT="80")
    assert done.returncode != 0
    assert "CHROMI_PROT" in done.stdout
    assert "CHROMI_PORT" in done.stdout
    assert "Traceback" not in done.stdout


def run_up(instance: Path, **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "chromi", "serve"],
        cwd=ROOT,
        env=os.environ | {"CHROMI_INSTANCE": str(instance)} | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=30,
    )


@pytest.fixture
def usual_umask() -> Iterator[None]:
    """What the processes begin with that a test starts: others may read."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("usual_umask")
def test_only_its_owner_can_read_what_the_service_writes(start_service: Start, plain_clip: Path) -> None:
    service = start_service()
    upload = curl_json(f"-Fvideo=@{plain_clip}", f"{service.url}/uploads/")["upload_id"]
    job_id = curl_json("-Fduration=1", f"{service.url}/uploads/{upload}/jobs/")["job_id"]
    wait_for_end(service, job_id)
    assert {path.parent.name for path in service.media_files()} == {"uploads", "frames", "results"}
    assert find_public_paths(service.instance) == []


@pytest.mark.usefixtures("usual_umask")
@pytest.mark.parametrize("command", ["doctor", "jobs", "cleanup"])
def test_a_command_on_a_new_instance_leaves_nothing_that_others_can_read(
    tmp_path: Path, command: str
) -> None:
    instance = tmp_path / "instance"
    environ = os.environ | {"CHROMI_INSTANCE": str(instance)}
    subprocess.run([sys.executable, "-m", "chromi", command], cwd=ROOT, env=environ, capture_output=True)
    assert (instance / "chromi.db").is_file()
    assert find_public_paths(instance) == []


def test_inline_converts_inside_the_request(start_service: Start, plain_clip: Path, tmp_path: Path) -> None:
    service = start_service(inline="true")
    answer = curl_json(f"-Fvideo=@{plain_clip}", "-Fduration=1", f"{service.url}/convert/")
    assert answer["success"] is True
    gif = tmp_path / "got.gif"
    curl("-o", str(gif), service.url + answer["converted_url"])
    assert gif.read_bytes().startswith(b"GIF89a")


@pytest.mark.usefixtures("usual_umask")
def test_the_two_programs_also_run_on_their_own(tmp_path: Path, plain_clip: Path) -> None:
    instance = tmp_path / "instance"
    environ = os.environ | {"CHROMI_INSTANCE": str(instance), "CHROMI_TRUSTED_PROXY": "127.0.0.1"}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    commands = [
        ["waitress-serve", f"--listen=127.0.0.1:{port}", "wsgi:app"],
        ["huey_consumer", "worker.huey", "-k", "process", "-d", "0.1", "-m", "0.5", "-g", "TERM"],
    ]
    folder = Path(sys.executable).parent
    programs = [
        subprocess.Popen([folder / name, *arguments], cwd=ROOT, env=environ, stderr=subprocess.DEVNULL)
        for name, *arguments in commands
    ]
    try:
        service = Service(programs[0], f"http://127.0.0.1:{port}", instance, [])  # type: ignore[arg-type]
        wait_for(lambda: answers(port), "waitress")
        job_id = start_job(service, plain_clip, duration="1")
        assert wait_for_end(service, job_id)["status"] == "success"
        assert get_job(service, job_id)["result"]["frames"] == 24
        assert find_public_paths(instance) == []
        assert shared_url(service, job_id, "X-Forwarded-Proto: https").startswith("https://127.0.0.1")
        assert shared_url(service, job_id, "X-Forwarded-Host: evil").startswith("http://127.0.0.1")
    finally:
        for program in programs:
            program.terminate()
        for program in programs:
            program.wait(20)


def shared_url(service: Service, job_id: str, header: str) -> str:
    url: str = curl_json("-XPOST", "-H", header, f"{service.url}/jobs/{job_id}/links/")["url"]
    return url


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
