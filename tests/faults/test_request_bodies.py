"""Requests that are too large, incomplete or longer than announced are rejected and leave no files."""

import socket
from contextlib import closing, suppress

import pytest

from tests.support.processes import list_open_files
from tests.support.raw_connections import connect, read_all, read_until_reset
from tests.support.running_service import Service
from tests.support.service_client import curl
from tests.support.upload_requests import upload_head
from tests.support.waiting import wait_for

pytestmark = pytest.mark.service


@pytest.mark.parametrize("path", ["/convert/", "/uploads/"])
@pytest.mark.parametrize("expect", [(), ("Expect: 100-continue",)], ids=["length", "expect"])
def test_too_large_body_is_rejected_before_it_is_sent(
    limited_web: Service, path: str, expect: tuple[str]
) -> None:
    lines = upload_head(path, "Content-Length: 101000000", *expect)
    with closing(connect(limited_web, *lines)) as connection:
        connection.shutdown(socket.SHUT_WR)
        response = read_all(connection)
    assert response.startswith("HTTP/1.1 413 ")
    assert "larger than 2 MB" in response
    assert "Content-Security-Policy: default-src 'none'" in response


def test_browser_that_keeps_sending_receives_the_error_page(limited_web: Service) -> None:
    lines = upload_head("/uploads/", "Accept: text/html", "Accept-Language: en", "Content-Length: 8000000")
    with closing(connect(limited_web, *lines)) as connection:
        for _ in range(80):
            connection.sendall(bytes(100_000))
        response = read_all(connection)
    assert response.startswith("HTTP/1.1 413 ")
    assert "<!doctype html>" in response
    assert response.count("HTTP/1.1 ") == 1
    assert limited_web.media_files() == []


def test_chunked_body_is_rejected_once_it_is_too_large(limited_web: Service) -> None:
    lines = upload_head("/convert/", "Transfer-Encoding: chunked")
    with closing(connect(limited_web, *lines)) as connection:
        for _ in range(40):
            connection.sendall(b"186a0\r\n" + bytes(100_000) + b"\r\n")
        response = read_all(connection)
    assert response.startswith("HTTP/1.1 413 ")
    assert "larger than 2 MB" in response
    assert limited_web.media_files() == []


def test_large_form_without_file_is_rejected(limited_web: Service) -> None:
    path = "/jobs/" + "0" * 32 + "/cancel"
    lines = upload_head(path, "Content-Length: 1500000", "Expect: 100-continue")
    with closing(connect(limited_web, *lines)) as connection:
        assert read_all(connection).startswith("HTTP/1.1 413 ")


def test_incomplete_body_leaves_no_files(limited_web: Service) -> None:
    lines = upload_head("/convert/", "Content-Length: 1000000")
    with closing(connect(limited_web, *lines)) as connection:
        connection.sendall(bytes(500_000))
        wait_for(lambda: count_spool_files(limited_web), "the body to be spooled")
    wait_for(lambda: not count_spool_files(limited_web), "the spool file to be closed")
    assert limited_web.media_files() == []


def count_spool_files(service: Service) -> int:
    """Return how many deleted files in its folder for temporary files the web server has open."""
    count = 0
    for link in list_open_files(service.process.pid):
        with suppress(FileNotFoundError):
            path = link.readlink()
            count += path.parent == service.instance / "tmp" and path.name.endswith("(deleted)")
    return count


def test_bytes_after_content_length_are_not_a_second_request(limited_web: Service) -> None:
    lines = upload_head("/convert/", "Content-Length: 5")
    with closing(connect(limited_web, *lines)) as connection:
        connection.sendall(b"--x--" + b"no request at all\r\n\r\n")
        response = read_all(connection)
    assert response.startswith("HTTP/1.1 400 ")
    assert response.count("HTTP/1.") == 1


def test_overlong_token_gets_our_error_format(service: Service) -> None:
    """It exceeds the size limit of headers, so the server itself rejects the request."""
    with closing(connect(service)) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(b"GET /download/" + b"x" * 1_000_000 + b"/ HTTP/1.1\r\nHost: x\r\n\r\n")
        response = read_until_reset(connection)
    assert b" 431 " in response.splitlines()[0]
    assert b'"bad_request"' in response
    wait_for(lambda: any('"status": 431' in line for line in service.log), "the log line of the request")
    assert curl("-o", "/dev/null", "-w", "%{http_code}", f"{service.url}/") == "200"
