"""Ports for the servers that tests start."""

import socket


def find_free_port() -> int:
    """Return a TCP port on which nothing listens now."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])
