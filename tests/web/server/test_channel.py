"""A connection that is closed does not affect the next one that gets its descriptor."""

import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import waitress
from flask import Flask
from waitress import wasyncore
from waitress.server import TcpWSGIServer

from chromi.config import Settings
from chromi.web.limits.upload_guard import UploadGuard
from chromi.web.server.channel import Channel

Sockets = dict[int, Any]


@pytest.fixture
def sockets() -> Sockets:
    return {}


@pytest.fixture
def server(
    app: Flask, settings: Settings, sockets: Sockets, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """A listening server whose event loop the test runs."""
    guard = UploadGuard(settings, app.extensions["chromi"].admission)
    monkeypatch.setattr(Channel, "guard", guard, raising=False)
    monkeypatch.setattr(TcpWSGIServer, "channel_class", Channel)
    server = waitress.create_server(app, host="127.0.0.1", port=0, map=sockets, threads=1)
    yield server
    server.task_dispatcher.shutdown()
    wasyncore.close_all(sockets)


def connect(server: Any) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.effective_port), timeout=5)


def handle_events(sockets: Sockets) -> None:
    wasyncore.loop(5, use_poll=True, map=sockets, count=1)


def test_connection_closed_by_a_timeout_does_not_close_a_new_one(server: Any, sockets: Sockets) -> None:
    """The event loop accepts the new connection in the round in which it closes the other one."""
    with closing(connect(server)):
        handle_events(sockets)
        [(descriptor, channel)] = server.active_channels.items()
        channel.close_when_flushed = True  # its client has stalled while it receives its last response
        channel._must_close = True
        with closing(connect(server)):
            handle_events(sockets)
            assert list(server.active_channels) == [descriptor]
            assert server.active_channels[descriptor] is not channel
