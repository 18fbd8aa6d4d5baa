"""Uploads beyond the capacity of the service are rejected with a time to retry."""

import http.client
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from benchmarks.soak.sampling import Sampler
from chromi.db import Job
from chromi.encoder import ConversionOptions
from tests.support.processes import list_open_files
from tests.support.raw_connections import connect, read_all
from tests.support.resource_monitor import measure_response_s, take_sample
from tests.support.running_service import Service
from tests.support.service_database import add_result, open_rows
from tests.support.upload_requests import upload_body, upload_head

pytestmark = pytest.mark.service


@pytest.fixture
def full_queue(limited_web: Service) -> Iterator[None]:
    """Two queued jobs: as many as may wait."""
    with open_rows(limited_web):
        job_ids = [Job.create(options_json=ConversionOptions().to_dict()).id for _ in range(2)]
    yield
    with open_rows(limited_web):
        Job.delete().where(Job.id.in_(job_ids)).execute()


@pytest.mark.usefixtures("full_queue")
def test_full_queue_is_reported_before_the_body_is_sent(limited_web: Service) -> None:
    headers = ("Content-Length: 1000000", "Expect: 100-continue")
    with closing(connect(limited_web, *upload_head("/convert/", *headers))) as connection:
        response = read_all(connection)
    assert response.startswith("HTTP/1.1 503 ")
    assert "Retry-After: 60" in response
    assert "your video would be number 3" in response
    with closing(connect(limited_web, *upload_head("/uploads/", *headers))) as connection:
        assert connection.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"


def test_one_address_gets_a_third_of_the_upload_slots(limited_web: Service) -> None:
    def begin_upload(addresses: str, *headers: str) -> socket.socket:
        forwarded = f"X-Forwarded-For: {addresses}"
        return connect(limited_web, *upload_head("/uploads/", "Content-Length: 1000000", forwarded, *headers))

    with ExitStack() as stack:
        for number in range(10):
            connection = begin_upload(f"1.1.1.{number}, 9.9.9.9", "Expect: 100-continue")
            stack.enter_context(closing(connection))
            assert connection.recv(12) == b"HTTP/1.1 100"
            connection.sendall(bytes(70_000))  # a silent connection would time out and free its slot
        with closing(begin_upload("1.1.1.1, 9.9.9.9")) as one_more:
            response = read_all(one_more)
        assert response.startswith("HTTP/1.1 429 ")
        assert "Retry-After: 20" in response
        with closing(begin_upload("9.9.9.9, 8.8.4.4", "Expect: 100-continue")) as other:
            assert other.recv(12) == b"HTTP/1.1 100"


def test_200_parallel_uploads_are_accepted_or_told_to_retry(
    start_service: Callable[..., Service], clip: Path
) -> None:
    service = start_service(max_uploads="30")
    body = upload_body(clip.read_bytes())
    job_id, _ = add_result(service, 1000)
    list_open_files(service.process.pid)  # skips the test if they cannot be listed
    polled_paths = ("/health/", f"/jobs/{job_id}/status")
    for path in polled_paths:
        measure_response_s(service.url + path)  # the first request checks ffmpeg and compiles the templates
    sampler = Sampler(lambda: take_sample(service, *polled_paths), interval_s=0)
    start_s = time.monotonic()
    with sampler, ThreadPoolExecutor(200) as pool:
        responses = list(pool.map(lambda _: send_upload(service, body), range(200)))
    uploads_s = time.monotonic() - start_s
    statuses = [response.status for response in responses]
    assert set(statuses) <= {201, 503}, statuses
    assert statuses.count(201) >= 25
    assert all(response.getheader("Retry-After") for response in responses if response.status == 503)
    assert len(list((service.instance / "media/uploads").iterdir())) == statuses.count(201)
    assert list((service.instance / "tmp").iterdir()) == []
    highest = {name: max(sample[name] for sample in sampler.samples) for name in sampler.samples[0]}
    assert len(body) < highest["incoming"] < 30 * 2 * len(body), "each upload may be on the disk twice"
    # Other requests do not wait for the uploads. Without other load, the uploads take five seconds.
    assert max(highest[path] for path in polled_paths) < uploads_s / 6, highest
    assert highest["memory"] < 600_000_000


def send_upload(service: Service, body: bytes) -> http.client.HTTPResponse:
    parts = urlsplit(service.url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=150)
    with closing(connection):
        connection.request("POST", "/uploads/", body, {"Content-Type": "multipart/form-data; boundary=x"})
        response = connection.getresponse()
        response.read()
        return response
