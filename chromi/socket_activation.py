"""Listen on a socket that systemd keeps open during a restart, so that connections wait and do not fail."""

from __future__ import annotations

import os
import socket

FIRST_DESCRIPTOR = 3
"""Where sd_listen_fds(3) puts the sockets."""


def has_inherited_socket() -> bool:
    """Return whether systemd has passed this process a listening socket, as in sd_listen_fds(3)."""
    return os.environ.get("LISTEN_PID") == str(os.getpid()) and os.environ.get("LISTEN_FDS") == "1"


def inherited_socket() -> socket.socket | None:
    """Return the socket that was passed to this process, or None."""
    return socket.socket(fileno=FIRST_DESCRIPTOR) if has_inherited_socket() else None


def pass_socket_on(command: list[str]) -> list[str]:
    """Return a command that runs `command` and tells it that the socket is meant for it."""
    return ["sh", "-c", 'LISTEN_PID=$$ exec "$0" "$@"', *command]
