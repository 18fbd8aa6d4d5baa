"""Webhooks are sent to public addresses only, and no target can hold them up."""

import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from chromi.jobs import webhook_request
from chromi.jobs.webhook_request import NotPublic, is_public, is_valid_target, send
from tests.support.webhook_target import WebhookTarget


@pytest.fixture
def target() -> Iterator[WebhookTarget]:
    target = WebhookTarget()
    yield target
    target.close()


@pytest.fixture
def allow_local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_request, "is_public", lambda address: True)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
        *("224.0.0.1", "240.0.0.1", "255.255.255.255", "198.18.0.1", "::1", "::", "fe80::1%eth0", "fd00::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "ff02::1", "2001:db8::1"),
        *("fec0::1", "::127.0.0.1"),
    ],
)
def test_address_inside_a_network_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_address_on_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "https://example.org/hook?key=1",
            "http://example.org:8080",
            "https://8.8.8.8/",
            "https://[2606:4700::1]/",
        ),
        "https://xn--bcher-kva.example/",
    ],
)
def test_url_of_a_public_host_is_valid(url: str) -> None:
    assert is_valid_target(url)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "example.org",
            "ftp://example.org/",
            "https:///hook",
            "https://user:secret@example.org/",
            "https://[::1",
        ),
        *(
            "http://127.0.0.1/",
            "http://[::1]:8000/",
            "http://169.254.169.254/latest/",
            "https://a.org:99999/",
        ),
        *(
            "https://bücher.example/",
            "https://example.org/a b",
            "https://example.org/\r\nX: 1",
            "https://a.org:0/",
        ),
        *("http://a..b/", "http://.x/", f"http://{'a' * 64}.org/"),
        "https://example.org/" + "x" * 2000,
    ],
)
def test_other_urls_are_invalid(url: str) -> None:
    assert not is_valid_target(url)


def test_nothing_is_sent_to_a_name_with_a_private_address(target: WebhookTarget) -> None:
    for host in ("localhost", "127.0.0.1", "2130706433", "0x7f.1"):
        with suppress(socket.gaierror), pytest.raises(NotPublic):
            send(f"http://{host}:{target.server.server_port}/", b"", {})
    assert target.received == []


@pytest.mark.usefixtures("allow_local")
def test_request_has_path_host_and_body(target: WebhookTarget) -> None:
    assert send(target.url("/hook?key=1#part"), b"body", {"webhook-id": "msg_1"}) == 204
    [received] = target.received
    assert (received.path, received.body) == ("/hook?key=1", b"body")
    assert received.headers["Host"] == f"localhost:{target.server.server_port}"
    assert received.headers["webhook-id"] == "msg_1"


@pytest.mark.usefixtures("allow_local")
def test_url_may_have_a_query_without_a_path(target: WebhookTarget) -> None:
    assert send(target.url("?key=1"), b"", {}) == 204
    assert target.received[0].path == "/?key=1"


def test_ipv6_address_may_end_in_a_letter(target: WebhookTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = partial(socket.create_connection, ("127.0.0.1", target.server.server_port))
    monkeypatch.setattr(webhook_request, "_connect", lambda parts: connect())
    assert send("http://[2606:4700::abcd]/", b"", {}) == 204


@pytest.mark.usefixtures("allow_local")
def test_redirect_is_not_followed(target: WebhookTarget) -> None:
    target.statuses = [302]
    assert send(target.url(), b"", {}) == 302
    assert len(target.received) == 1


def send_headers_slowly(handler: BaseHTTPRequestHandler) -> None:
    """Send a byte at a time, so that no timeout of the socket expires."""
    with suppress(OSError):
        for byte in b"HTTP/1.1 200 OK\r\n" + b"X-Slow: 1\r\n" * 1000:
            handler.wfile.write(bytes([byte]))
            time.sleep(0.01)


@pytest.mark.usefixtures("allow_local")
def test_slow_target_is_disconnected_at_the_deadline(
    target: WebhookTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_request, "DEADLINE_S", 0.5)
    target.respond = send_headers_slowly
    started_at = time.monotonic()
    with pytest.raises((OSError, HTTPException)):
        send(target.url(), b"", {})
    assert time.monotonic() - started_at < 5


def send_endless_body(handler: BaseHTTPRequestHandler) -> None:
    with suppress(OSError):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            handler.wfile.write(bytes(65536))


@pytest.mark.usefixtures("allow_local")
def test_body_of_the_response_is_not_read(target: WebhookTarget) -> None:
    target.respond = send_endless_body
    assert send(target.url(), b"", {}) == 200


@pytest.mark.usefixtures("allow_local")
@pytest.mark.skipif(not shutil.which("openssl") and os.environ.get("CI") != "true", reason="needs openssl")
def test_certificate_must_be_valid_for_the_host(
    target: WebhookTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    target.server.socket = context.wrap_socket(target.server.socket, server_side=True)
    url = target.url().replace("http:", "https:")
    with pytest.raises(ssl.SSLCertVerificationError):
        send(url, b"", {})
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert send(url, b"", {}) == 204
    with pytest.raises(ssl.SSLCertVerificationError):
        send(url.replace("localhost", "127.0.0.1"), b"", {})
