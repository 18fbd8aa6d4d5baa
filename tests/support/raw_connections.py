"""Raw TCP connections, for requests that HTTP libraries cannot send or responses that they read too early."""

import socket
from contextlib import suppress
from urllib.parse import urlsplit

from tests.support.running_service import Service


def connect(service: Service, *lines: str, receive_bytes: int | None = None) -> socket.socket:
    """Open a connection and send these lines, each followed by CRLF.

    The empty line that ends the headers is not added. `receive_bytes` sets the size of the receive buffer.
    """
    connection = socket.socket()
    if receive_bytes is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    connection.settimeout(20)
    parts = urlsplit(service.url)
    connection.connect((parts.hostname, parts.port))
    connection.sendall("".join(f"{line}\r\n" for line in lines).encode())
    return connection


def read_all(connection: socket.socket) -> str:
    """Return what is received until the peer closes; fail the test if the peer resets the connection."""
    response = b""
    while chunk := connection.recv(65_536):
        response += chunk
    return response.decode()


def is_closed(connection: socket.socket) -> bool:
    """Return whether the peer has closed or reset the connection; discard all that it has sent."""
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
    """Return what is received until the peer closes or resets the connection."""
    content = b""
    with suppress(ConnectionResetError):
        while part := connection.recv(2**20):
            content += part
    return content
