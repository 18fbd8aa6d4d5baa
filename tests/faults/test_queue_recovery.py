"""A job that is missing from the queue is enqueued from its row, and a missing worker is reported."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chromi.db import Worker
from tests.support.consumers import run_consumer
from tests.support.running_service import Service, end_service, run_service
from tests.support.service_client import curl, curl_json, get_job, wait_for_end
from tests.support.service_database import make_job_older, open_rows, query_value, write_lock
from tests.support.waiting import wait_for

pytestmark = pytest.mark.service

NO_WORKER = "Processing is paused right now"


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """`python -m chromi web`, without a consumer."""
    service = run_service(tmp_path_factory.mktemp("web") / "instance", {}, ("-m", "chromi", "web"))
    yield service
    end_service(service)
    assert "Traceback" not in "".join(service.log)


@pytest.fixture
def crashing_web(web: Service) -> Iterator[Service]:
    """Another web server on the same folder, which kills itself before it enqueues a job."""
    service = run_service(web.instance, {}, ("-m", "tests.support.crash_points", "before_enqueue", "web"))
    yield service
    end_service(service)


@pytest.fixture
def upload_url(web: Service, clip: Path) -> str:
    return web.url + str(curl_json(f"-Fvideo=@{clip}", f"{web.url}/uploads/")["url"])


def start_job(upload_url: str, duration_s: int = 1) -> str:
    body, status = request(f"-Fduration={duration_s}", f"{upload_url}jobs/")
    assert status == 202, body
    return str(body["job_id"])


def request(*arguments: str) -> tuple[Any, int]:
    """Send a request and return the response's JSON and status."""
    body, _, status = curl("-w", "\n%{http_code}", *arguments).rpartition("\n")
    return json.loads(body), int(status)


def make_older(service: Service, job_id: str) -> None:
    with open_rows(service):
        make_job_older(job_id)


def test_job_of_web_server_killed_before_enqueue_is_recovered(
    web: Service, crashing_web: Service, upload_url: str
) -> None:
    """The consumer was running throughout, and its first cleanup has ended."""
    with run_consumer(web.instance, "tests.support.fast_worker"):
        assert wait_for_end(web, start_job(upload_url))["status"] == "success"
        with pytest.raises(subprocess.CalledProcessError):
            curl("-Fduration=2", f"{upload_url.replace(web.url, crashing_web.url)}jobs/")
        assert crashing_web.process.wait(10) == -signal.SIGKILL
        job_id = str(query_value(web, "SELECT id FROM job ORDER BY created_at DESC"))
        assert get_job(web, job_id)["status"] == "queued"
        make_older(web, job_id)
        assert wait_for_end(web, job_id)["status"] == "success"


def test_job_that_could_not_be_enqueued_is_recovered(web: Service, upload_url: str) -> None:
    """Another program locks the queue for longer than the web server waits."""
    with run_consumer(web.instance, "tests.support.fast_worker") as consumer:
        assert wait_for_end(web, start_job(upload_url))["status"] == "success"
        started_at = time.monotonic()
        with write_lock(web, "queue.db"):
            job_id = start_job(upload_url, duration_s=2)
            assert time.monotonic() > started_at + 4, "it waited for the lock"
            assert get_job(web, job_id)["status"] == "queued"
            wait_for(
                lambda: f"job {job_id}: could not enqueue, left to the cleanup" in "".join(web.log),
                "the log line",
            )
        make_older(web, job_id)
        assert wait_for_end(web, job_id)["status"] == "success"
        assert consumer.poll() is None


@pytest.mark.parametrize(("silent_s", "is_missing"), [(31, True), (15, False)])
def test_worker_without_heartbeat_is_reported_missing_after_30_seconds(
    web: Service, upload_url: str, silent_s: float, is_missing: bool
) -> None:
    with open_rows(web):
        Worker.delete().execute()
        Worker.create(id="somewhere:1", seen_at=time.time() - silent_s)
    health, status = request(f"{web.url}/health/")
    assert (status, health["status"]) == ((503, "unavailable") if is_missing else (200, "ok"))
    failed = [name for name, check in health.items() if isinstance(check, dict) and not check["ok"]]
    assert failed == (["worker"] if is_missing else [])
    job_id = start_job(upload_url)
    for path in (f"jobs/{job_id}/", f"jobs/{job_id}/status"):
        page = curl("-HAccept: text/html", "-HAccept-Language: en", f"{web.url}/{path}")
        assert job_id in page
        assert (NO_WORKER in page) == is_missing
    assert get_job(web, job_id)["status"] == "queued", "the job stays in the queue"
