"""Connections as no HTTP library has them, to send what none sends and to read when one likes."""

import socket
from contextlib import suppress
from urllib.parse import urlsplit

from tests.conftest import Service


def connect(service: Service, *lines: str, receive_bytes: int | None = None) -> socket.socket:
    """Open a connection and send these lines, each with its end, then none that ends the headers."""
    connection = socket.socket()
    if receive_bytes is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    connection.settimeout(20)
    parts = urlsplit(service.url)
    connection.connect((parts.hostname, parts.port))
    connection.sendall("".join(f"{line}\r\n" for line in lines).encode())
    return connection


def read_all(connection: socket.socket) -> str:
    """What comes until the other end closes; an answer that is cut off by a reset fails the test."""
    answer = b""
    while piece := connection.recv(65_536):
        answer += piece
    return answer.decode()


def is_cut(connection: socket.socket) -> bool:
    """True once the other end has closed; whatever it had sent is read."""
    connection.setblocking(False)
    try:
        while connection.recv(2**20):
            pass
    except BlockingIOError:
        return False
    except ConnectionResetError:
        pass
    return True


def read_until_reset(connection: socket.socket) -> bytes:
    """Return the bytes that arrive until the other end closes or resets the connection."""
    content = b""
    with suppress(ConnectionResetError):
        while part := connection.recv(2**20):
            content += part
    return content
