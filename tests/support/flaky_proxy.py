"""A TCP proxy between browser and service that can slow down, stall and reset connections."""

from __future__ import annotations

import ctypes
import fcntl
import math
import socket
import struct
import termios
import threading
import time
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tests.support.waiting import wait_for

READ_BYTES = 16_384
BUFFER_BYTES = 65_536
"""The browser counts bytes in the kernel's buffers as sent, so the buffers must be small."""
LINGER_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with a timeout of 0: closing the socket sends a reset."""
SO_ATTACH_FILTER = 26
"""From asm-generic/socket.h. Python does not define it."""
DROP_ALL = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))
"""A socket filter of one instruction: return 0, the number of bytes to keep of a packet."""


class FlakyProxy:
    """Listens on its own port and forwards everything to the service and back."""

    def __init__(self, service_url: str) -> None:
        self.target_port = urlsplit(service_url).port
        self.bytes_per_s: float | None = None
        """Upload speed; None for no limit."""
        self.download_bytes_per_s: float | None = None
        self.max_bytes = math.inf
        """Once this many bytes were forwarded to the service, further ones wait until the limit is raised."""
        self.sent_bytes = 0
        """Bytes forwarded to the service so far, headers included."""
        self._sockets: set[socket.socket] = set()
        # Bound but not listening: reserves the port while the proxy refuses connections.
        self._reservation = self._bind(0)
        self.port: int = self._reservation.getsockname()[1]
        self._listener = self._listen()
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reservation.close()
        self.disconnect()

    def reset_connections(self) -> None:
        """Reset all connections; new ones are accepted."""
        for end in list(self._sockets):
            self._reset(end)

    def disconnect(self) -> None:
        """Reset all connections and refuse new ones."""
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listener.close()
        self.reset_connections()

    def reconnect(self) -> None:
        """Accept connections again."""
        self._listener = self._listen()

    def vanish(self) -> None:
        """Drop all packets that arrive on the open connections, as if this machine had lost power."""
        for end in list(self._sockets):
            # The kernel would send again what lacks an acknowledgment.
            wait_for(lambda end=end: not _count_unacknowledged_bytes(end), "acknowledgment", interval_s=0.005)
            program = struct.pack("HP", 1, ctypes.addressof(DROP_ALL))
            end.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)

    def _bind(self, port: int) -> socket.socket:
        bound = socket.socket()
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", port))
        return bound

    def _listen(self) -> socket.socket:
        listener = self._bind(self.port)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        listener.listen()
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                browser, _ = listener.accept()
            except OSError:
                return
            service = socket.socket()
            service.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
            self._sockets |= {browser, service}
            try:
                service.connect(("127.0.0.1", self.target_port))
                listener.getsockname()  # fails if the proxy was disconnected meanwhile
            except OSError:
                self._reset(browser)
                self._reset(service)
                continue
            for source, sink, is_upload in ((browser, service, True), (service, browser, False)):
                threading.Thread(target=self._forward, args=(source, sink, is_upload), daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket, is_upload: bool) -> None:
        try:
            while data := source.recv(READ_BYTES):
                while is_upload and self.sent_bytes >= self.max_bytes and source in self._sockets:
                    time.sleep(0.01)
                if bytes_per_s := self.bytes_per_s if is_upload else self.download_bytes_per_s:
                    time.sleep(len(data) / bytes_per_s)
                sink.sendall(data)
                self.sent_bytes += len(data) if is_upload else 0
        except OSError:
            pass  # the connection was reset
        self._reset(source)
        self._reset(sink)

    def _reset(self, end: socket.socket) -> None:
        if end not in self._sockets:
            return
        self._sockets.discard(end)
        try:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
            end.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads from it
        except OSError:
            pass  # the peer has closed it already
        end.close()


def _count_unacknowledged_bytes(end: socket.socket) -> int:
    [count] = struct.unpack("i", fcntl.ioctl(end, termios.TIOCOUTQ, bytes(4)))
    return int(count)
