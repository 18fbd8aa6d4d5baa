"""`python -m chromi serve` starts all processes with one command, and stops all of them."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from tests.support.paths import ROOT
from tests.support.ports import find_free_port
from tests.support.processes import find_ffmpeg_processes, find_public_paths, handles_signal, have_ended
from tests.support.running_service import Service, end_service, run_service
from tests.support.service_client import curl, curl_json, get_job, start_job, wait_for_end
from tests.support.service_database import add_result
from tests.support.waiting import wait_for

pytestmark = pytest.mark.service

StartService = Callable[..., Service]
PR_SET_CHILD_SUBREAPER = 36
SERVE_AS_SUBREAPER = f"""
import ctypes
ctypes.CDLL(None).prctl({PR_SET_CHILD_SUBREAPER}, 1, 0, 0, 0)
from chromi.cli import run
run()
"""


def find_child(service: Service, text: str) -> psutil.Process:
    """Return the child of the supervisor whose command line contains this text."""
    [found] = [
        child for child in psutil.Process(service.process.pid).children() if text in " ".join(child.cmdline())
    ]
    return found


def list_worker_pids(service: Service) -> set[int]:
    """Return the process ids of the consumer's children: its scheduler and workers."""
    return {child.pid for child in find_child(service, "huey_consumer").children()}


def read_environments(processes: list[psutil.Process]) -> list[dict[str, str]]:
    """Return the environments of processes, without those of `ffmpeg -version`, which reads no file."""
    environments = []
    for process in processes:
        with suppress(psutil.Error):  # it has ended, or is still the launcher
            if "-version" not in process.cmdline():
                environments.append(process.environ())
    return environments


def stop_cleanly(service: Service, signum: int) -> None:
    """Stop a service with all its processes, and expect no error."""
    consumer = find_child(service, "huey_consumer")
    wait_for(lambda: handles_signal(consumer.pid, signal.SIGTERM), "the consumer's signal handler")
    processes = wait_for_processes(service)
    assert service.stop(signum) == 0
    wait_for(lambda: have_ended(processes), "all processes to end")
    assert "Traceback" not in "".join(service.log)


def wait_for_processes(service: Service) -> list[psutil.Process]:
    """Wait until the service has all its processes, and return them."""
    wait_for(lambda: len(service.processes()) >= 5, "web, consumer, scheduler and worker")
    return service.processes()


def test_dead_consumer_stops_web_server(start_service: StartService) -> None:
    service = start_service()
    processes = wait_for_processes(service)
    find_child(service, "huey_consumer").kill()
    assert service.process.wait(30) != 0
    wait_for(lambda: have_ended(processes), "all processes to end")


def test_dead_web_server_stops_worker_without_waiting_for_its_job(
    start_service: StartService, clip: Path
) -> None:
    service = start_service()
    job_id = start_job(service, clip, quality="best")
    wait_for(lambda: find_ffmpeg_processes(find_child(service, "huey_consumer").pid), "ffmpeg")
    processes = wait_for_processes(service)
    find_child(service, "chromi web").kill()
    assert service.process.wait(30) == 1
    wait_for(lambda: have_ended(processes), "all processes to end")
    assert read_state(service, job_id) == "queued"


def read_state(service: Service, job_id: str) -> str:
    """Return the state of a job of a service that has ended."""
    with closing(sqlite3.connect(service.instance / "chromi.db")) as connection:
        state: str
        [state] = connection.execute("SELECT state FROM job WHERE id = ?", [job_id]).fetchone()
    return state


def test_children_die_when_supervisor_is_killed(start_service: StartService, clip: Path) -> None:
    service = start_service(secret_key="a secret signing key", admin_token="a secret admin token")
    start_job(service, clip)
    environments = wait_for(lambda: read_environments(find_ffmpeg_processes(service.process.pid)), "ffmpeg")
    assert not [name for each in environments for name in each if name.startswith("CHROMI")]
    processes = service.processes()
    service.process.kill()
    wait_for(lambda: have_ended(processes), "all processes to end", timeout_s=5)


def test_web_server_responds_after_sigterm_until_running_job_has_finished(
    start_service: StartService, plain_clip: Path, tmp_path: Path
) -> None:
    service = start_service()
    finished_id, content = add_result(service, 100_000)
    running_id = start_job(service, plain_clip, duration="1.5")
    wait_for(lambda: find_ffmpeg_processes(find_child(service, "huey_consumer").pid), "ffmpeg")
    processes = wait_for_processes(service)
    service.process.send_signal(signal.SIGTERM)

    def is_published() -> bool:
        gif = service.instance / f"media/results/{running_id}.gif"
        try:
            curl(f"{service.url}/jobs/{running_id}/status")
        except subprocess.CalledProcessError:  # the web server has stopped
            assert gif.exists()
        return gif.exists()

    gif = tmp_path / "downloaded.gif"
    curl("-o", str(gif), service.url + get_job(service, finished_id)["converted_url"])
    late_id = start_job(service, plain_clip, duration="1")
    wait_for(is_published, "the running job's GIF", timeout_s=60, interval_s=0.2)
    assert gif.read_bytes() == content
    assert service.process.wait(30) == 0
    wait_for(lambda: have_ended(processes), "all processes to end")
    assert find_ffmpeg_processes() == []
    assert [read_state(service, job_id) for job_id in (running_id, late_id)] == ["success", "queued"]
    assert "Traceback" not in "".join(service.log)


def test_exit_of_orphan_process_does_not_stop_the_service(start_service: StartService, clip: Path) -> None:
    """The supervisor inherits orphans, like PID 1 of a container without an init process."""
    service = start_service(("-c", SERVE_AS_SUBREAPER, "serve"))
    start_job(service, clip, quality="best")
    orphans = wait_for(lambda: find_ffmpeg_processes(find_child(service, "huey_consumer").pid), "ffmpeg")
    worker = orphans[0].parent()
    assert worker is not None
    old_pids = list_worker_pids(service)
    worker.kill()
    wait_for(lambda: not any(each.is_running() for each in orphans), "ffmpeg to end and to be reaped")
    wait_for(lambda: list_worker_pids(service) - old_pids, "a new worker")
    assert curl_json(f"{service.url}/health/live") == {"status": "ok"}
    children = psutil.Process(service.process.pid).children()
    assert sorted(child.status() == psutil.STATUS_ZOMBIE for child in children) == [False, False]


def test_ctrl_c_requeues_running_job_and_next_start_finishes_it(
    start_service: StartService, plain_clip: Path
) -> None:
    service = start_service()
    job_id = start_job(service, plain_clip, duration="1")
    wait_for(lambda: find_ffmpeg_processes(service.process.pid), "ffmpeg")
    stop_cleanly(service, signal.SIGINT)
    assert read_state(service, job_id) == "queued"
    assert not list((service.instance / "media/work").iterdir())
    restarted = start_service(instance=str(service.instance))
    assert wait_for_end(restarted, job_id)["status"] == "success"
    stop_cleanly(restarted, signal.SIGTERM)


@contextmanager
def set_umask(umask: int) -> Iterator[None]:
    previous = os.umask(umask)
    yield
    os.umask(previous)


@pytest.fixture
def default_umask() -> Iterator[None]:
    """A umask that lets other users read new files, which is the default of most systems."""
    with set_umask(0o022):
        yield


@pytest.fixture(scope="module")
def service_with_default_umask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with set_umask(0o022):
        service = run_service(tmp_path_factory.mktemp("service") / "instance", {})
    yield service
    end_service(service)


def test_port_in_use_stops_the_start_with_a_message(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        completed = run_serve(tmp_path, CHROMI_PORT=str(listener.getsockname()[1]))
    assert completed.returncode != 0
    assert "Cannot listen on 127.0.0.1" in completed.stdout
    assert "Traceback" not in completed.stdout


def test_second_service_on_same_instance_is_rejected(service_with_default_umask: Service) -> None:
    completed = run_serve(service_with_default_umask.instance, CHROMI_PORT="0")
    assert completed.returncode != 0
    assert "already running on" in completed.stdout
    assert curl_json(f"{service_with_default_umask.url}/health/")["database"]["ok"]


def test_invalid_host_is_reported(tmp_path: Path) -> None:
    completed = run_serve(tmp_path, CHROMI_HOST="0.0.0.0x")
    assert completed.returncode != 0
    assert "Cannot listen on 0.0.0.0x" in completed.stdout
    assert "Traceback" not in completed.stdout


def test_unknown_setting_stops_the_start_and_lists_allowed_ones(tmp_path: Path) -> None:
    completed = run_serve(tmp_path, CHROMI_PROT="80")
    assert completed.returncode != 0
    assert "CHROMI_PROT" in completed.stdout
    assert "CHROMI_PORT" in completed.stdout
    assert "Traceback" not in completed.stdout


def run_serve(instance: Path, **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "chromi", "serve"],
        cwd=ROOT,
        env=os.environ | {"CHROMI_INSTANCE": str(instance)} | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=30,
    )


def test_files_of_the_service_are_private(service_with_default_umask: Service, plain_clip: Path) -> None:
    service = service_with_default_umask
    upload = curl_json(f"-Fvideo=@{plain_clip}", f"{service.url}/uploads/")["upload_id"]
    job_id = curl_json("-Fduration=1", f"{service.url}/uploads/{upload}/jobs/")["job_id"]
    wait_for_end(service, job_id)
    assert {path.parent.name for path in service.media_files()} == {"uploads", "frames", "results"}
    assert find_public_paths(service.instance) == []


@pytest.mark.usefixtures("default_umask")
@pytest.mark.parametrize("command", ["doctor", "jobs", "cleanup"])
def test_files_created_by_commands_are_private(tmp_path: Path, command: str) -> None:
    instance = tmp_path / "instance"
    environ = os.environ | {"CHROMI_INSTANCE": str(instance)}
    subprocess.run([sys.executable, "-m", "chromi", command], cwd=ROOT, env=environ, capture_output=True)
    assert (instance / "chromi.db").is_file()
    assert find_public_paths(instance) == []


def test_inline_mode_converts_inside_the_request(
    start_service: StartService, plain_clip: Path, tmp_path: Path
) -> None:
    service = start_service(("-m", "chromi", "web"), inline="true")
    response = curl_json(f"-Fvideo=@{plain_clip}", "-Fduration=1", f"{service.url}/convert/")
    assert response["success"] is True
    gif = tmp_path / "downloaded.gif"
    curl("-o", str(gif), service.url + response["converted_url"])
    assert gif.read_bytes().startswith(b"GIF89a")


def test_unknown_queue_prevents_start_and_allowed_ones_are_listed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "chromi", "worker", "--queues", "convert,previews"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert done.stderr == "CHROMI_QUEUES must name some of convert, studio, not convert, previews.\n"


@pytest.mark.usefixtures("default_umask")
def test_web_server_and_consumer_run_separately(tmp_path: Path, plain_clip: Path) -> None:
    instance = tmp_path / "instance"
    environ = os.environ | {"CHROMI_INSTANCE": str(instance), "CHROMI_TRUSTED_PROXY": "127.0.0.1"}
    port = find_free_port()
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
        wait_for(lambda: accepts_connections(port), "waitress")
        job_id = start_job(service, plain_clip, duration="1")
        assert wait_for_end(service, job_id)["status"] == "success"
        assert get_job(service, job_id)["result"]["frames"] == 24
        assert find_public_paths(instance) == []
        assert create_link_url(service, job_id, "X-Forwarded-Proto: https").startswith("https://127.0.0.1")
        assert create_link_url(service, job_id, "X-Forwarded-Host: evil").startswith("http://127.0.0.1")
    finally:
        for program in programs:
            program.terminate()
        for program in programs:
            program.wait(20)


def create_link_url(service: Service, job_id: str, header: str) -> str:
    url: str = curl_json("-XPOST", "-H", header, f"{service.url}/jobs/{job_id}/links/")["url"]
    return url


def accepts_connections(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
