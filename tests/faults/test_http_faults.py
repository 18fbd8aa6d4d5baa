"""Clients that lie, dawdle, push or come in crowds: they are told so or cut, and nobody else notices."""

import http.client
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from benchmarks.soak.watch import Watch
from chromi.db import Job, Link, database, open_database
from chromi.encoder import ConversionOptions, ConversionResult
from chromi.storage import Storage
from tests.support.processes import list_open_files
from tests.support.raw_connections import connect, is_closed, read_all
from tests.support.resource_monitor import MAX_RESPONSE_S, measure_response_s, take_sample
from tests.support.running_service import Service, end_service, run_service
from tests.support.service_client import curl_json
from tests.support.service_database import add_result
from tests.support.waiting import wait_for

pytestmark = pytest.mark.service

IMPATIENT = "; ".join(
    (
        "from chromi.web.server import timeouts",
        "timeouts.REQUEST_TIMEOUT_S, timeouts.WINDOW_S, timeouts.LOADED_TIMEOUT_S = 2.0, 2.0, 1.0",
        "from chromi.cli.serve import web",
        "web()",
    )
)
"""The web server alone, waiting for two seconds where it waits for twenty or sixty."""


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A web server without a consumer; two jobs may wait, and uploads may have 2 MB."""
    settings = {"max_upload_mb": "2", "max_queue": "2", "max_uploads": "30", "trusted_proxy": "127.0.0.1"}
    instance = tmp_path_factory.mktemp("web") / "instance"
    service = run_service(instance, settings, ("-c", IMPATIENT))
    yield service
    end_service(service)
    assert "Traceback" not in "".join(service.log)


def post(path: str, *headers: str) -> tuple[str, ...]:
    """The lines of a POST whose body would come next."""
    usual = ("Host: localhost", "Content-Type: multipart/form-data; boundary=x")
    return (f"POST {path} HTTP/1.1", *usual, *headers, "")


def health_s(service: Service) -> float:
    """Seconds that /health/ takes; whether all is well is not asked."""
    return measure_response_s(f"{service.url}/health/")


# -- bodies ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/convert/", "/uploads/"])
@pytest.mark.parametrize("expect", [(), ("Expect: 100-continue",)], ids=["length", "expect"])
def test_too_long_a_body_is_refused_before_it_is_sent(web: Service, path: str, expect: tuple[str]) -> None:
    with closing(connect(web, *post(path, "Content-Length: 101000000", *expect))) as connection:
        connection.shutdown(socket.SHUT_WR)
        answer = read_all(connection)
    assert answer.startswith("HTTP/1.1 413 ")
    assert "larger than 2 MB" in answer
    assert "Content-Security-Policy: default-src 'none'" in answer


def test_a_browser_without_script_gets_a_page_though_it_sends_on(web: Service) -> None:
    lines = post("/uploads/", "Accept: text/html", "Accept-Language: en", "Content-Length: 8000000")
    with closing(connect(web, *lines)) as connection:
        for _ in range(80):
            connection.sendall(bytes(100_000))
        answer = read_all(connection)
    assert answer.startswith("HTTP/1.1 413 ")
    assert "<!doctype html>" in answer
    assert answer.count("HTTP/1.1 ") == 1
    assert web.media_files() == []


def test_a_body_without_a_length_is_refused_once_it_is_too_long(web: Service) -> None:
    with closing(connect(web, *post("/convert/", "Transfer-Encoding: chunked"))) as connection:
        for _ in range(40):
            connection.sendall(b"186a0\r\n" + bytes(100_000) + b"\r\n")
        answer = read_all(connection)
    assert answer.startswith("HTTP/1.1 413 ")
    assert "larger than 2 MB" in answer
    assert web.media_files() == []


def test_a_form_without_a_file_may_not_be_large(web: Service) -> None:
    lines = post("/jobs/" + "0" * 32 + "/cancel", "Content-Length: 1500000", "Expect: 100-continue")
    with closing(connect(web, *lines)) as connection:
        assert read_all(connection).startswith("HTTP/1.1 413 ")


def test_a_body_shorter_than_it_said_leaves_nothing(web: Service) -> None:
    with closing(connect(web, *post("/convert/", "Content-Length: 1000000"))) as connection:
        connection.sendall(bytes(500_000))
        wait_for(lambda: spooled_files(web), "bytes to be spooled")
    wait_for(lambda: not spooled_files(web), "the spooled bytes to go")
    assert web.media_files() == []


def spooled_files(service: Service) -> int:
    """How many files without a name the server has open."""
    count = 0
    for link in list_open_files(service.process.pid):
        with suppress(FileNotFoundError):
            count += link.readlink().name.endswith("(deleted)")
    return count


def test_a_body_longer_than_it_said_is_no_second_request(web: Service) -> None:
    lines = post("/convert/", "Content-Length: 5")
    with closing(connect(web, *lines)) as connection:
        connection.sendall(b"--x--" + b"no request at all\r\n\r\n")
        answer = read_all(connection)
    assert answer.startswith("HTTP/1.1 400 ")
    assert answer.count("HTTP/1.") == 1


# -- slow clients ----------------------------------------------------------------------------------------


def test_slow_clients_are_cut_and_nobody_waits_for_them(web: Service) -> None:
    slow = [connect(web, "GET / HTTP/1.1", f"X-{number}: a") for number in range(150)]
    trickle = connect(web, *post("/convert/", "Content-Length: 1000000"))
    began_at, slowest_s = time.monotonic(), 0.0
    silent = connect(web)
    everybody = [*slow, trickle, silent]
    try:
        while not all(is_closed(connection) for connection in everybody):
            for connection in everybody:
                if connection is not silent:
                    send_one_byte(connection)
            slowest_s = max(slowest_s, health_s(web))
            assert time.monotonic() < began_at + 15, "a slow client lives on"
    finally:
        for connection in everybody:
            connection.close()
    assert slowest_s < MAX_RESPONSE_S
    assert time.monotonic() > began_at + 1.5, "cut before its time"


def test_more_connections_than_there_are_places_make_way(web: Service) -> None:
    silent = [connect(web) for _ in range(600)]
    try:
        assert health_s(web) < MAX_RESPONSE_S
    finally:
        for connection in silent:
            connection.close()


def send_one_byte(connection: socket.socket) -> None:
    try:
        connection.setblocking(True)
        connection.send(b"a")
    except OSError:
        pass  # cut


@pytest.fixture
def large_url(web: Service) -> str:
    """The address of a result of 40 MB."""
    open_database(web.instance)
    with database.connection_context():
        job = Job.create(options_json=ConversionOptions().to_dict())
        running = Job.claim(job.id, "worker-1")
        assert running
        assert running.succeed({"result": ConversionResult(144, 40_000_000, 600, 1280, 720, {}).to_dict()})
        Link.create(job=job, expires_at=time.time() + 3600, shared=False)
    with Storage(web.instance).result_path(job.id).open("wb") as file:
        file.truncate(40_000_000)
    url: str = curl_json(f"{web.url}/jobs/{job.id}/")["converted_url"]
    return url


def test_stalled_downloads_are_cut_and_block_nobody(web: Service, large_url: str) -> None:
    lines = (f"GET {large_url} HTTP/1.1", "Host: localhost", "Range: bytes=0-", "")
    stalled = [connect(web, *lines, receive_bytes=4096) for _ in range(8)]
    try:
        for connection in stalled:
            assert connection.recv(20).startswith(b"HTTP/1.1 206")
        assert health_s(web) < MAX_RESPONSE_S
        port = urlsplit(web.url).port

        def are_let_go() -> bool:
            opened = psutil.Process(web.process.pid).net_connections()
            return not any(each.laddr.port == port and each.raddr for each in opened)

        wait_for(are_let_go, "the server to let go of the downloads", timeout_s=10)
        assert len(read_rest(stalled[0])) < 40_000_000
    finally:
        for connection in stalled:
            connection.close()


def read_rest(connection: socket.socket) -> bytes:
    rest = b""
    try:
        while piece := connection.recv(2**20):
            rest += piece
    except ConnectionResetError:
        pass
    return rest


def test_a_slow_but_steady_download_goes_on(web: Service, large_url: str) -> None:
    lines = (f"GET {large_url} HTTP/1.1", "Host: localhost", "")
    with closing(connect(web, *lines, receive_bytes=4096)) as connection:
        began_at, read_bytes = time.monotonic(), 0
        while (elapsed_s := time.monotonic() - began_at) < 5:
            read_bytes += len(connection.recv(8192))
            if read_bytes > 400_000 * elapsed_s:
                time.sleep(0.02)
        assert connection.recv(8192), f"cut after {read_bytes} bytes"


# -- crowds ----------------------------------------------------------------------------------------------


def test_a_full_queue_says_so_and_the_place_before_the_body_comes(web: Service) -> None:
    open_database(web.instance)
    with database.connection_context():
        waiting = [Job.create(options_json=ConversionOptions().to_dict()).id for _ in range(2)]
    try:
        lines = post("/convert/", "Content-Length: 1000000", "Expect: 100-continue")
        with closing(connect(web, *lines)) as connection:
            answer = read_all(connection)
        assert answer.startswith("HTTP/1.1 503 ")
        assert "Retry-After: 60" in answer
        assert "yours would be number 3" in answer
        with closing(connect(web, *post("/uploads/", *lines[3:-1]))) as connection:
            assert connection.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
    finally:
        with database.connection_context():
            Job.delete().where(Job.id.in_(waiting)).execute()


def test_an_address_has_a_third_of_the_uploads_under_way(web: Service) -> None:
    def begin(addresses: str, *headers: str) -> socket.socket:
        forwarded = f"X-Forwarded-For: {addresses}"
        return connect(web, *post("/uploads/", "Content-Length: 1000000", forwarded, *headers))

    opened = [begin(f"1.1.1.{number}, 9.9.9.9", "Expect: 100-continue") for number in range(10)]
    try:
        for connection in opened:
            assert connection.recv(12) == b"HTTP/1.1 100"
            connection.sendall(bytes(70_000))  # who sends nothing would be cut, and its place another's
        with closing(begin("1.1.1.1, 9.9.9.9")) as one_more:
            answer = read_all(one_more)
        assert answer.startswith("HTTP/1.1 429 ")
        assert "Retry-After: 20" in answer
        with closing(begin("9.9.9.9, 8.8.4.4", "Expect: 100-continue")) as other:
            assert other.recv(12) == b"HTTP/1.1 100"
    finally:
        for connection in opened:
            connection.close()


def test_200_uploads_at_once_are_taken_or_told_to_come_again(
    start_service: Callable[..., Service], clip: Path
) -> None:
    service = start_service(max_uploads="30")
    body = clip_form(clip)
    made, _ = add_result(service, 1000)
    list_open_files(service.process.pid)  # or it is skipped
    polled = ("/health/", f"/jobs/{made}/status")
    for address in polled:
        measure_response_s(service.url + address)  # the first one runs ffmpeg and reads templates
    watch = Watch(lambda: take_sample(service, *polled), every_s=0)
    with watch, ThreadPoolExecutor(200) as pool:
        answers = list(pool.map(lambda _: send_form(service, body), range(200)))
    statuses = [answer.status for answer in answers]
    assert set(statuses) <= {201, 503}, statuses
    assert statuses.count(201) >= 25
    assert all(answer.getheader("Retry-After") for answer in answers if answer.status == 503)
    assert len(list((service.instance / "media/uploads").iterdir())) == statuses.count(201)
    assert list((service.instance / "tmp").iterdir()) == []
    worst = {name: max(sample[name] for sample in watch.samples) for name in watch.samples[0]}
    assert len(body) < worst["incoming"] < 30 * 2 * len(body), "each may be there twice"
    assert max(worst[address] for address in polled) < 1, worst
    assert worst["memory"] < 600_000_000


def clip_form(clip: Path) -> bytes:
    head = '--x\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\n\r\n'
    return head.encode() + clip.read_bytes() + b"\r\n--x--\r\n"


def send_form(service: Service, body: bytes) -> http.client.HTTPResponse:
    parts = urlsplit(service.url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=150)
    with closing(connection):
        connection.request("POST", "/uploads/", body, {"Content-Type": "multipart/form-data; boundary=x"})
        answer = connection.getresponse()
        answer.read()
        return answer
