"""The queue does not hear of a job, or nobody is there to take it: its row is enough, and people are told."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chromi.db import Job, Worker
from tests.support.consumers import run_consumer
from tests.support.running_service import Service, end_service, run_service
from tests.support.service_client import curl, curl_json, get_job, wait_for_end
from tests.support.service_database import open_rows, query_value, write_lock
from tests.support.waiting import wait_for

pytestmark = pytest.mark.service

RESTING = "Nothing is working on the queue at the moment."
LONG_AGO_S = 60


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """`python -m chromi web`: no consumer is there but what a test starts."""
    service = run_service(tmp_path_factory.mktemp("web") / "instance", {}, ("-m", "chromi", "web"))
    yield service
    end_service(service)
    assert "Traceback" not in "".join(service.log)


@pytest.fixture
def dying(web: Service) -> Iterator[Service]:
    """Another web server of the same folder, that is killed before it enqueues a job."""
    service = run_service(web.instance, {}, ("-m", "tests.support.crash_points", "before_enqueue", "web"))
    yield service
    end_service(service)


@pytest.fixture
def upload_url(web: Service, clip: Path) -> str:
    return web.url + str(curl_json(f"-Fvideo=@{clip}", f"{web.url}/uploads/")["url"])


def start_job(upload_url: str, duration_s: int = 1) -> str:
    body, status = answer_of(f"-Fduration={duration_s}", f"{upload_url}jobs/")
    assert status == 202, body
    return str(body["job_id"])


def answer_of(*arguments: str) -> tuple[Any, int]:
    """What came, as JSON, and its status."""
    body, _, status = curl("-w", "\n%{http_code}", *arguments).rpartition("\n")
    return json.loads(body), int(status)


def make_older(service: Service, job_id: str) -> None:
    """As if it had been made a minute ago: only then it is taken for forgotten."""
    with open_rows(service):
        assert Job.update(created_at=Job.created_at - LONG_AGO_S).where(Job.id == job_id).execute()


def test_a_job_whose_maker_was_killed_before_the_queue_heard_of_it_is_found_within_the_minute(
    web: Service, dying: Service, upload_url: str
) -> None:
    """By a consumer that was there all the time, whose sweep at its start is over."""
    with run_consumer(web.instance, "tests.support.fast_worker"):
        assert wait_for_end(web, start_job(upload_url))["status"] == "success"
        with pytest.raises(subprocess.CalledProcessError):
            curl("-Fduration=2", f"{upload_url.replace(web.url, dying.url)}jobs/")
        assert dying.process.wait(10) == -signal.SIGKILL
        job_id = str(query_value(web, "SELECT id FROM job ORDER BY created_at DESC"))
        assert get_job(web, job_id)["status"] == "queued"
        make_older(web, job_id)
        assert wait_for_end(web, job_id)["status"] == "success"


def test_a_job_whose_task_could_not_be_written_is_done_afterwards(web: Service, upload_url: str) -> None:
    """Another program holds the queue for longer than anybody waits for it."""
    with run_consumer(web.instance, "tests.support.fast_worker") as consumer:
        assert wait_for_end(web, start_job(upload_url))["status"] == "success"
        began_at = time.monotonic()
        with write_lock(web, "queue.db"):
            job_id = start_job(upload_url, duration_s=2)
            assert time.monotonic() > began_at + 4, "it was tried"
            assert get_job(web, job_id)["status"] == "queued"
            wait_for(lambda: f"job {job_id} waits for the sweep" in "".join(web.log), "the log to say so")
        make_older(web, job_id)
        assert wait_for_end(web, job_id)["status"] == "success"
        assert consumer.poll() is None


@pytest.mark.parametrize(("silence_s", "is_dead"), [(31, True), (15, False)])
def test_a_worker_that_has_been_silent_for_half_a_minute_is_missed(
    web: Service, upload_url: str, silence_s: float, is_dead: bool
) -> None:
    with open_rows(web):
        Worker.delete().execute()
        Worker.create(id="somewhere:1", seen_at=time.time() - silence_s)
    health, status = answer_of(f"{web.url}/health/")
    assert (status, health["status"]) == ((503, "unavailable") if is_dead else (200, "ok"))
    assert [name for name, each in health.items() if isinstance(each, dict) and not each["ok"]] == (
        ["worker"] if is_dead else []
    )
    job_id = start_job(upload_url)
    for address in (f"jobs/{job_id}/", f"jobs/{job_id}/status"):
        page = curl("-HAccept: text/html", "-HAccept-Language: en", f"{web.url}/{address}")
        assert job_id in page
        assert (RESTING in page) == is_dead
    assert get_job(web, job_id)["status"] == "queued", "its place is kept"
