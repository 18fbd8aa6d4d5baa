"""Every internal of waitress that chromi/web/server uses exists, so that an upgrade fails here first."""

import inspect
import socket
import tomllib
from importlib.metadata import version

import pytest
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.proxy_headers import (
    PROXY_HEADERS,
    MalformedProxyHeader,
    clear_untrusted_headers,
    parse_proxy_headers,
)
from waitress.server import TcpWSGIServer, create_server
from waitress.task import ErrorTask, ThreadedTaskDispatcher, WSGITask

from tests.support.paths import ROOT

PARSER_ATTRIBUTES = {
    *("body_bytes_received", "body_rcv", "chunked", "command", "completed", "content_length", "error"),
    *("expect_continue", "headers", "headers_finished", "path", "version"),
}
CHANNEL_ATTRIBUTES = {
    *("adj", "close_when_flushed", "request", "requests", "server", "socket", "total_outbufs_len"),
    *("will_close",),
}
METHODS = {
    HTTPRequestParser: {"received", "close", "parse_header"},
    HTTPChannel: {
        *("service", "cancel", "readable", "recv", "send", "handle_read", "handle_write", "handle_close"),
        *("_flush_exception", "_flush_some", "parser_class", "task_class", "error_task_class"),
    },
    TcpWSGIServer: {"channel_class", "handle_accept", "pull_trigger"},
    ThreadedTaskDispatcher: {"add_task", "set_thread_count", "shutdown"},
    WSGITask: {"get_environment"},
    ErrorTask: {"execute", "set_close_on_finish", "write"},
    Adjustments: {"clear_untrusted_proxy_headers"},
}


def parser_of(request: bytes) -> HTTPRequestParser:
    parser = HTTPRequestParser(Adjustments())
    while request:
        request = request[parser.received(request) :]
    return parser


def test_waitress_is_below_the_next_minor_version() -> None:
    """Its main branch drops CONTENT_LENGTH of chunked requests, which would silently disable a check."""
    assert version("waitress").startswith("3.0.")
    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert any(each.startswith("waitress") and each.endswith("<3.1") for each in dependencies)


@pytest.mark.parametrize("owner", METHODS, ids=lambda owner: owner.__name__)
def test_classes_have_the_members_in_use(owner: type) -> None:
    assert {name for name in METHODS[owner] if not hasattr(owner, name)} == set()


def test_parser_has_the_attributes_in_use() -> None:
    parser = parser_of(b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab")
    assert {name for name in PARSER_ATTRIBUTES if not hasattr(parser, name)} == set()
    assert (parser.headers_finished, parser.completed, parser.body_bytes_received) == (True, False, 2)
    assert len(parser.body_rcv) == 2


def test_parser_keeps_content_length_of_a_chunked_request() -> None:
    headers = b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"
    parser = parser_of(b"POST / HTTP/1.1\r\n" + headers + b"\r\n")
    assert parser.chunked
    assert "CONTENT_LENGTH" in parser.headers


def test_channel_has_the_attributes_in_use() -> None:
    server = create_server(lambda environ, start_response: [], host="127.0.0.1", port=0, _start=False)
    ours, theirs = socket.socketpair()
    try:
        channel = HTTPChannel(server, ours, ("127.0.0.1", 1), server.adj, map={})
        assert {name for name in CHANNEL_ATTRIBUTES if not hasattr(channel, name)} == set()
        assert hasattr(server, "active_channels")
        assert hasattr(channel.adj, "connection_limit")
    finally:
        theirs.close()
        ours.close()
        server.close()


def test_functions_accept_the_parameters_we_use() -> None:
    assert "_dispatcher" in inspect.signature(create_server).parameters
    assert list(inspect.signature(parse_proxy_headers).parameters)[:3] == [
        "environ",
        "trusted_proxy_count",
        "trusted_proxy_headers",
    ]
    assert list(inspect.signature(clear_untrusted_headers).parameters)[:2] == ["environ", "untrusted_headers"]
    assert {"X_FORWARDED_FOR", "FORWARDED"} <= PROXY_HEADERS
    error = MalformedProxyHeader("X-Forwarded-Proto", "unsupported", "ftp")
    assert (error.header, error.reason) == ("X-Forwarded-Proto", "unsupported")
