"""A process killed at any point leaves nothing that is not resumed or cleaned up."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chromi import create_app
from chromi.db import Job, Link, State, Upload, database_connection
from chromi.jobs.cleanup import CleanupReport
from tests.support.clips import make_clip
from tests.support.consumers import run_consumer
from tests.support.flask_client import BufferedClient
from tests.support.open_instance import OpenInstance, open_instance
from tests.support.paths import ROOT
from tests.support.running_service import Service, end_service, run_service
from tests.support.service_client import curl
from tests.support.waiting import wait_for

pytestmark = pytest.mark.service

CRASH_POINTS = ("-m", "tests.support.crash_points")
TUS = ("-HTus-Resumable: 1.0.0",)
CHUNK = ("-HContent-Type: application/offset+octet-stream", "-HUpload-Offset: 0")


StartServer = Callable[[str], Service]


@pytest.fixture(params=["embedded", "servers"])
def engines(request: pytest.FixtureRequest) -> dict[str, str]:
    """Settings for SQLite and local files, and for PostgreSQL, Redis and S3."""
    if request.param == "embedded":
        return {}
    servers: dict[str, str] = request.getfixturevalue("servers")
    return {name: servers[name] for name in ("database_url", "queue_url", "storage_url", "secret_key")}


@pytest.fixture
def start_server(tmp_path: Path, engines: dict[str, str]) -> Iterator[StartServer]:
    """Start a web server that kills itself at this point of tests/support/crash_points.py."""
    started: list[Service] = []

    def start(point: str) -> Service:
        started.append(run_service(tmp_path / "instance", engines, (*CRASH_POINTS, point, "web")))
        return started[-1]

    yield start
    for service in started:
        end_service(service)


def send_fatal_request(service: Service, *arguments: str) -> None:
    """Send the request that kills the server."""
    done = subprocess.run(["curl", "-sS", "-m", "30", *arguments], capture_output=True)
    assert done.returncode == 52, "an empty response"
    assert service.process.wait(10) == -signal.SIGKILL


# -- the web server --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("engines", "point", "prefix"),
    [
        ("embedded", "in_probe", "incoming"),
        ("embedded", "after_rename", ""),
        ("servers", "after_rename", ""),
    ],
    indirect=["engines"],
)
def test_upload_of_killed_web_server_is_cleaned_up(
    start_server: StartServer, engines: dict[str, str], clip: Path, point: str, prefix: str
) -> None:
    service = start_server(point)
    send_fatal_request(service, f"-Fvideo=@{clip}", f"{service.url}/uploads/")
    with open_instance(service.instance, **engines) as instance, database_connection():
        assert Upload.select().count() == 0
        [name] = instance.list_media_names()
        assert name.startswith(prefix)
        assert instance.clean_up() == CleanupReport(), "another server may still be writing it"
        assert instance.clean_up_later() == CleanupReport(orphans_removed=1)
        assert instance.list_media_names() == []


@pytest.mark.parametrize(
    ("engines", "point", "has_cleanup"),
    [
        ("embedded", "in_probe", True),
        ("embedded", "after_completion", False),
        ("embedded", "after_completion", True),
        ("servers", "after_completion", True),
    ],
    indirect=["engines"],
)
def test_resumable_upload_survives_a_killed_web_server(
    start_server: StartServer, engines: dict[str, str], clip: Path, point: str, has_cleanup: bool
) -> None:
    """All bytes have arrived when the server dies: while it probes them, or before it responds."""
    service, content = start_server(point), clip.read_bytes()
    create = (*TUS, "-i", "-XPOST", f"-HUpload-Length: {len(content)}", f"{service.url}/uploads/resumable/")
    location = curl(*create).split("Location: ")[1].split()[0]
    send_fatal_request(service, *TUS, *CHUNK, "-XPATCH", "--data-binary", f"@{clip}", service.url + location)
    with open_instance(service.instance, **engines) as instance:
        complete = [location.rpartition("/")[2]] if point == "after_completion" else []
        assert instance.list_media_names() == [*complete, f"{location.rpartition('/')[2]}.partial"]
        if has_cleanup:
            with database_connection():
                assert instance.clean_up_later() == CleanupReport(orphans_removed=len(complete))
        resume_upload(instance, location, content)
        with database_connection():
            Upload.update(used_at=time.time() - 10_000).execute()
            assert instance.clean_up_later() == CleanupReport(uploads_removed=1)
        assert instance.list_media_names() == []


def resume_upload(instance: OpenInstance, location: str, content: bytes) -> None:
    """Resume like a browser that got no response: request the offset, then send an empty last chunk."""
    app = create_app(instance.settings)
    app.test_client_class = BufferedClient
    client = app.test_client()
    headers = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}
    assert client.head(location, headers=headers).headers["Upload-Offset"] == str(len(content))
    response = client.patch(location, headers=headers | {"Upload-Offset": str(len(content))})
    assert response.status_code == 204
    assert client.get(f"/uploads/{location.rpartition('/')[2]}/video").data == content
    app.extensions["chromi"].background.shutdown()
    app.extensions["chromi"].queue.huey.storage.close()


# -- a worker --------------------------------------------------------------------------------------------


def test_workers_killed_at_any_step_leave_no_files(tmp_path: Path, engines: dict[str, str]) -> None:
    """Each job kills only its first worker, at a different step of a real conversion."""
    steps = ("reading", "choosing", "encoding", "checking", "published")
    with open_instance(tmp_path / "instance", **engines) as instance, database_connection():
        upload = Upload.create(length_bytes=1, info_json={})
        clip = make_clip(tmp_path / "clip.mp4", seconds=6, size="64x36", rate=24, pattern="color")
        clip.rename(instance.storage.upload_path(upload.id))
        instance.storage.publish(instance.storage.upload_path(upload.id))
        job_ids = [instance.queue_job(upload, start_s=start_s) for start_s in range(len(steps))]
        options = {"workers": len(steps), "environ": instance.environ}
        with run_consumer(instance.folder, "tests.support.crashing_worker", **options):
            wait_for(
                lambda: Job.select().where(Job.state == State.SUCCESS).count() == len(steps),
                "all jobs",
                timeout_s=150,
            )
        deaths = [line.split() for line in (instance.folder / "deaths").read_text().splitlines()]
        assert sorted((step, job_id) for step, job_id, *_ in deaths) == sorted(
            zip(steps, job_ids, strict=True)
        )
        for step, job_id, *names in deaths:
            assert f"{job_id}-1" in names or step == "published"
            assert (f"{job_id}.gif" in names) == (step == "published")
        assert {job.attempts for job in Job.select()} == {2}
        contents = {instance.storage.result_path(job_id).read_bytes() for job_id in job_ids}
        assert contents == {b"GIF"}, "the second attempt has replaced a GIF that was not recorded"
        assert list(instance.storage.work.iterdir()) == [], (
            "work folders of dead workers are removed even if they are new"
        )
        instance.clean_up_later()
        assert {path.stem for path in instance.storage.results.iterdir()} == set(job_ids)
        Link.update(expires_at=time.time() - 1).execute()
        Upload.update(used_at=time.time() - 10_000).execute()
        instance.clean_up_later()
        assert instance.list_media_names() == []


# -- a backup --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("point", ["after_database_copy", "in_archive", "after_link"])
def test_killed_backup_leaves_no_partial_files(tmp_path: Path, point: str) -> None:
    folder, file = tmp_path / "instance", tmp_path / "backups/chromi.tar"
    file.parent.mkdir()
    with open_instance(folder) as instance:
        Upload.create(length_bytes=1, info_json={})
        killed = run_backup(folder, file, *CRASH_POINTS, point)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert instance.list_media_names() == (["backup"] if point == "after_database_copy" else [])
        instance.clean_up_later()
        assert instance.list_media_names() == []
        if point == "after_link":
            assert file.exists(), "it was complete when the process died"
        else:
            assert not file.exists()
            assert run_backup(folder, file, "-m", "chromi").returncode == 0
        listing = subprocess.run(["tar", "-tf", file], capture_output=True, text=True, check=True)
        assert listing.stdout.split() == ["chromi.db"]


def run_backup(instance: Path, file: Path, *program: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *program, "backup", str(file)],
        cwd=ROOT,
        env=os.environ | {"CHROMI_INSTANCE": str(instance)},
        capture_output=True,
        text=True,
        timeout=60,
    )
