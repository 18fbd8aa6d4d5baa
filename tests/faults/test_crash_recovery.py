"""Killed at any point, by itself and with nothing said: what is left is taken up again or swept away."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from chromi import create_app
from chromi.config import Settings
from chromi.db import Job, Link, State, Upload, database
from chromi.encoder import ConversionOptions
from chromi.jobs.cleanup import CleanupReport, run_cleanup
from chromi.jobs.queue import Queue, open_service
from chromi.storage import Storage
from tests.support.clips import make_clip
from tests.support.consumers import run_consumer
from tests.support.flask_client import BufferedClient
from tests.support.paths import ROOT
from tests.support.running_service import Service, end_service, run_service
from tests.support.service_client import curl
from tests.support.service_database import make_old
from tests.support.waiting import wait_for

pytestmark = pytest.mark.service

CRASH = ("-m", "tests.support.crash_points")
TUS = ("-HTus-Resumable: 1.0.0",)
PIECE = ("-HContent-Type: application/offset+octet-stream", "-HUpload-Offset: 0")


@dataclass
class Remains:
    """An instance folder that nobody serves (any more), open in this process."""

    settings: Settings
    storage: Storage
    queue: Queue

    def files(self) -> list[str]:
        """What lies in the media folder, by the names' beginnings."""
        paths = self.settings.instance.glob("media/*/*")
        return sorted(path.name.partition("-")[0] if "-" in path.name else path.name for path in paths)

    def queue_job(self, upload: Upload, *, start_s: float) -> str:
        """A job that was made a minute ago."""
        options = ConversionOptions(start_s=start_s, duration_s=1.0)
        job = Job.create(upload=upload, options_json=options.to_dict(), created_at=time.time() - 60)
        self.queue.enqueue(job.id)
        return str(job.id)

    def sweep(self) -> CleanupReport:
        return run_cleanup(self.settings, self.storage, self.queue.waiting_ids(), self.queue.enqueue)

    def sweep_later(self) -> CleanupReport:
        """As if nobody had touched a file for hours."""
        for path in self.settings.instance.glob("media/*/*"):
            make_old(path)
        return self.sweep()


@contextmanager
def opened(instance: Path) -> Iterator[Remains]:
    settings = Settings(instance=instance)
    storage, queue = open_service(settings)
    try:
        yield Remains(settings, storage, queue)
    finally:
        queue.huey.storage.close()
        database.close()


Start = Callable[[str], Service]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a web server that will be killed at a point of tests/service/crash.py."""
    started: list[Service] = []

    def start(point: str) -> Service:
        started.append(run_service(tmp_path / "instance", {}, (*CRASH, point, "web")))
        return started[-1]

    yield start
    for service in started:
        end_service(service)


def ask_in_vain(service: Service, *arguments: str) -> None:
    """Make the request that kills the server."""
    done = subprocess.run(["curl", "-sS", "-m", "30", *arguments], capture_output=True)
    assert done.returncode == 52, "an empty reply"
    assert service.process.wait(10) == -signal.SIGKILL


# -- the web server --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("point", "left"), [("in_probe", "incoming"), ("after_rename", "")])
def test_a_clip_whose_web_server_is_killed_is_swept_away(
    start: Start, clip: Path, point: str, left: str
) -> None:
    service = start(point)
    ask_in_vain(service, f"-Fvideo=@{clip}", f"{service.url}/uploads/")
    with opened(service.instance) as remains:
        assert Upload.select().count() == 0
        [name] = remains.files()
        assert name.startswith(left)
        assert remains.sweep() == CleanupReport(), "it may be another server's, at work"
        assert remains.sweep_later() == CleanupReport(orphans_removed=1)
        assert remains.files() == []


@pytest.mark.parametrize("point", ["in_probe", "after_completion"])
@pytest.mark.parametrize("has_cleanup", [False, True])
def test_resumable_upload_survives_a_killed_web_server(
    start: Start, clip: Path, point: str, has_cleanup: bool
) -> None:
    """All bytes have arrived when the server dies: while it probes them, or before it responds."""
    service, content = start(point), clip.read_bytes()
    create = (*TUS, "-i", "-XPOST", f"-HUpload-Length: {len(content)}", f"{service.url}/uploads/resumable/")
    location = curl(*create).split("Location: ")[1].split()[0]
    ask_in_vain(service, *TUS, *PIECE, "-XPATCH", "--data-binary", f"@{clip}", service.url + location)
    with opened(service.instance) as remains:
        assert remains.files() == [location.rpartition("/")[2]]
        if has_cleanup:
            assert remains.sweep_later() == CleanupReport()
        go_on(remains, location, content)
        Upload.update(used_at=time.time() - 10_000).execute()
        assert remains.sweep_later() == CleanupReport(uploads_removed=1)
        assert remains.files() == []


def go_on(remains: Remains, location: str, content: bytes) -> None:
    """As a browser that has heard no answer: ask how far it is, and say the last piece again, empty."""
    app = create_app(remains.settings)
    app.test_client_class = BufferedClient
    client = app.test_client()
    headers = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}
    assert client.head(location, headers=headers).headers["Upload-Offset"] == str(len(content))
    answer = client.patch(location, headers=headers | {"Upload-Offset": str(len(content))})
    assert answer.status_code == 204
    assert client.get(f"/uploads/{location.rpartition('/')[2]}/video").data == content
    app.extensions["chromi"].background.shutdown()
    app.extensions["chromi"].queue.huey.storage.close()


# -- a worker --------------------------------------------------------------------------------------------


def test_workers_killed_at_any_step_leave_nothing(tmp_path: Path) -> None:
    """Each job kills its first worker at another step of a real conversion; the next one is at peace."""
    steps = ("reading", "choosing", "encoding", "checking", "published")
    with opened(tmp_path / "instance") as remains:
        upload = Upload.create(length_bytes=1, info_json={})
        clip = make_clip(tmp_path / "clip.mp4", seconds=6, size="64x36", rate=24, pattern="color")
        clip.rename(remains.storage.upload_path(upload.id))
        job_ids = [remains.queue_job(upload, start_s=start_s) for start_s in range(len(steps))]
        with run_consumer(remains.settings.instance, "tests.support.crashing_worker", workers=len(steps)):
            wait_for(
                lambda: Job.select().where(Job.state == State.SUCCESS).count() == len(steps),
                "all jobs",
                timeout_s=150,
            )
        deaths = [line.split() for line in (remains.settings.instance / "deaths").read_text().splitlines()]
        assert sorted((step, job_id) for step, job_id, *_ in deaths) == sorted(
            zip(steps, job_ids, strict=True)
        )
        for step, job_id, *left in deaths:
            assert f"{job_id}-1" in left or step == "published"
            assert (f"{job_id}.gif" in left) == (step == "published")
        assert {job.attempts for job in Job.select()} == {2}
        assert list(remains.storage.work.iterdir()) == [], "without waiting until it is old"
        remains.sweep_later()
        assert {path.stem for path in remains.storage.results.iterdir()} == set(job_ids)
        Link.update(expires_at=time.time() - 1).execute()
        Upload.update(used_at=time.time() - 10_000).execute()
        remains.sweep()
        assert remains.files() == []


# -- a backup --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("point", ["after_database_copy", "in_archive", "after_link"])
def test_a_killed_backup_leaves_nothing_in_the_service_and_no_half_of_itself(
    tmp_path: Path, point: str
) -> None:
    instance, file = tmp_path / "instance", tmp_path / "kept/chromi.tar"
    file.parent.mkdir()
    with opened(instance) as remains:
        Upload.create(length_bytes=1, info_json={})
        killed = run_backup(instance, file, *CRASH, point)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert remains.files() == (["backup"] if point == "after_database_copy" else [])
        remains.sweep_later()
        assert remains.files() == []
        if point == "after_link":
            assert file.exists(), "all of it, and its other name"
        else:
            assert not file.exists()
            assert run_backup(instance, file, "-m", "chromi").returncode == 0
        listed = subprocess.run(["tar", "-tf", file], capture_output=True, text=True, check=True)
        assert listed.stdout.split() == ["chromi.db"]


def run_backup(instance: Path, file: Path, *program: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *program, "backup", str(file)],
        cwd=ROOT,
        env=os.environ | {"CHROMI_INSTANCE": str(instance)},
        capture_output=True,
        text=True,
        timeout=60,
    )
