"""PostgreSQL and Redis may stop at any time: requests get clear errors, no job is lost, no process ends."""

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chromi.db import State, database_connection
from tests.support.consumers import run_consumer
from tests.support.open_instance import open_instance
from tests.support.postgres_server import PostgresServer, run_postgres
from tests.support.redis_server import RedisServer, run_redis
from tests.support.running_service import Service, end_service, run_service
from tests.support.service_client import curl, curl_json, get_job, start_job, wait_for_end
from tests.support.service_database import make_job_older, open_server_rows
from tests.support.waiting import wait_for

pytestmark = pytest.mark.service


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[PostgresServer]:
    """A server that no other test uses, so it can be stopped."""
    with run_postgres() as server:
        yield server


@pytest.fixture(scope="module")
def own_redis() -> Iterator[RedisServer]:
    with run_redis() as server:
        yield server


@pytest.fixture(scope="module")
def own_postgres_url(own_postgres: PostgresServer) -> str:
    """The URL of the service's database."""
    return own_postgres.create_database()


@pytest.fixture(scope="module")
def service(
    own_postgres_url: str, own_redis: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    settings = {
        "database_url": own_postgres_url,
        "queue_url": own_redis.url(),
        "secret_key": "a key for all machines",
    }
    service = run_service(tmp_path_factory.mktemp("service") / "instance", settings)
    yield service
    end_service(service)
    log = "".join(service.log)
    assert "Traceback" not in log, log[log.index("Traceback") - 300 :][:2500]


def request(url: str, *arguments: str) -> tuple[int, Any]:
    """Return the status and the JSON of the response."""
    body, _, status = curl("-w", "\n%{http_code}", *arguments, url).rpartition("\n")
    return int(status), json.loads(body)


def test_job_runs_with_servers(service: Service, plain_clip: Path) -> None:
    job = wait_for_end(service, start_job(service, plain_clip, duration="1"))
    assert (job["status"], job["result"]["frames"]) == ("success", 24)
    assert request(f"{service.url}/health/")[0] == 200


def test_job_that_arrives_while_redis_is_down_runs_when_it_is_back(
    service: Service, own_postgres_url: str, own_redis: RedisServer, plain_clip: Path, tmp_path: Path
) -> None:
    own_redis.stop()
    job_id = start_job(service, plain_clip, duration="1")
    assert get_job(service, job_id)["status"] == "queued"
    status, health = request(f"{service.url}/health/")
    assert (status, health["queue"]["ok"], health["database"]["ok"]) == (503, False, True)
    own_redis.start()
    with open_server_rows(tmp_path, own_postgres_url):
        make_job_older(job_id)
    assert wait_for_end(service, job_id)["status"] == "success"
    assert request(f"{service.url}/health/")[0] == 200


def test_requests_fail_clearly_while_postgres_is_down_and_work_when_it_is_back(
    service: Service, own_postgres: PostgresServer, plain_clip: Path
) -> None:
    job_id = start_job(service, plain_clip, duration="1")
    own_postgres.stop()
    for arguments in ((), (f"-Fvideo=@{plain_clip}",)):
        status, answer = request(
            f"{service.url}/convert/" if arguments else f"{service.url}/jobs/{job_id}/", *arguments
        )
        assert (status, answer["error"]["code"]) == (503, "busy")
        assert "password" not in json.dumps(answer)
    assert request(f"{service.url}/health/")[0] == 503
    own_postgres.start()
    wait_for(lambda: request(f"{service.url}/health/")[0] == 200, "all connections to be replaced")
    assert wait_for_end(service, job_id)["status"] == "success"
    assert wait_for_end(service, start_job(service, plain_clip, duration="1"))["status"] == "success"
    assert service.process.poll() is None


def test_running_job_survives_a_restart_of_postgres(own_postgres: PostgresServer, tmp_path: Path) -> None:
    servers = {"database_url": own_postgres.create_database(), "secret_key": "a key for all machines"}
    with open_instance(tmp_path / "instance", **servers) as instance:
        options = {"behavior": "wait_for_file", "environ": instance.environ}
        with run_consumer(instance.folder, "tests.support.fake_worker", **options):
            with database_connection():
                job_id = instance.queue_job()
            wait_for(instance.list_runs, "the job to start")
            own_postgres.stop()
            wait_for(lambda: "could not write progress" in instance.log_path.read_text(), "the outage")
            own_postgres.start()
            (instance.folder / "finish").touch()
            with database_connection():
                job = instance.wait_for_end(job_id)
    assert (job.state, job.attempts, len(instance.list_runs())) == (State.SUCCESS, 1, 1)


def test_second_machine_with_files_of_its_own_refuses_to_start(
    own_postgres: PostgresServer, tmp_path: Path
) -> None:
    servers = {"database_url": own_postgres.create_database(), "secret_key": "a key for all machines"}
    first = run_service(tmp_path / "first", servers)
    try:
        wait_for(lambda: request(f"{first.url}/health/ready")[0] == 200, "the first machine's worker")
        with pytest.raises(AssertionError) as failure:
            run_service(tmp_path / "second", servers)
        assert "Another machine uses this database and keeps the files." in str(failure.value)
        assert "Traceback" not in str(failure.value)
        assert request(f"{first.url}/health/ready")[0] == 200
    finally:
        end_service(first)


def test_wrong_password_stops_the_start_at_once_and_is_not_printed(
    own_postgres: PostgresServer, tmp_path: Path
) -> None:
    url = own_postgres.url(password="a wrong password")
    settings = {"database_url": url, "secret_key": "a key for all machines"}
    with pytest.raises(AssertionError) as failure:
        run_service(tmp_path / "instance", settings)
    assert "password authentication failed" in str(failure.value)
    assert "a wrong" not in str(failure.value)
    assert "Traceback" not in str(failure.value)


def test_service_starts_as_soon_as_its_servers_do(tmp_path: Path) -> None:
    """All machines of a service are started at the same time."""
    with run_postgres() as postgres:  # no other test's service may connect to the port
        url = postgres.create_database()
        postgres.stop()
        in_its_place = socket.create_server(("127.0.0.1", postgres.port))

        def start_after_first_attempt() -> None:
            with in_its_place:
                in_its_place.accept()[0].close()
            postgres.start()

        later = threading.Thread(target=start_after_first_attempt)
        later.start()
        service = run_service(
            tmp_path / "instance", {"database_url": url, "secret_key": "a key for all machines"}
        )
        try:
            assert "cannot be reached. Retrying in" in "".join(service.log)
            assert curl_json(f"{service.url}/health/")["database"]["ok"]
        finally:
            end_service(service)
            later.join()
