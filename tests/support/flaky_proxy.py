"""A network between browser and service that can be slow, cut what is under way, and be gone."""

from __future__ import annotations

import math
import socket
import struct
import threading
import time
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

READ_BYTES = 16_384
BUFFER_BYTES = 65_536
"""What waits in the kernel has been sent as far as a browser can tell, so it must be little."""
RESET = struct.pack("ii", 1, 0)


class Relay:
    """Listens on a port of its own and passes everything on to the service, and back."""

    def __init__(self, service_url: str) -> None:
        self.target_port = urlsplit(service_url).port
        self.bytes_per_s: float | None = None
        """How fast the service is reached; None for no limit."""
        self.most_bytes = math.inf
        """More than so many do not come through to the service: they wait until it is raised."""
        self.sent_bytes = 0
        """What has come through to the service so far, headers included."""
        self._open: set[socket.socket] = set()
        self._place = self._bind(0)  # nobody listens here: it keeps the port ours while the door is shut
        self.port: int = self._place.getsockname()[1]
        self._door = self._listen()
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._place.close()
        self.shut()

    def cut(self) -> None:
        """Break all connections, as a network does that goes away."""
        for end in list(self._open):
            self._break(end)

    def shut(self) -> None:
        """Break all connections, and refuse new ones."""
        self._door.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._door.close()
        self.cut()

    def reopen(self) -> None:
        self._door = self._listen()

    def _bind(self, port: int) -> socket.socket:
        end = socket.socket()
        end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        end.bind(("127.0.0.1", port))
        return end

    def _listen(self) -> socket.socket:
        door = self._bind(self.port)
        door.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        door.listen()
        threading.Thread(target=self._accept, args=(door,), daemon=True).start()
        return door

    def _accept(self, door: socket.socket) -> None:
        while True:
            try:
                browser, _ = door.accept()
            except OSError:
                return
            service = socket.socket()
            service.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
            self._open |= {browser, service}
            try:
                service.connect(("127.0.0.1", self.target_port))
                door.getsockname()  # fails once it is shut: these two may have come too late for the cut
            except OSError:
                self._break(browser)
                self._break(service)
                continue
            for source, sink, is_up in ((browser, service, True), (service, browser, False)):
                threading.Thread(target=self._pass_on, args=(source, sink, is_up), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, is_up: bool) -> None:
        try:
            while data := source.recv(READ_BYTES):
                while is_up and self.sent_bytes >= self.most_bytes and source in self._open:
                    time.sleep(0.01)
                if is_up and self.bytes_per_s:
                    time.sleep(len(data) / self.bytes_per_s)
                sink.sendall(data)
                self.sent_bytes += len(data) if is_up else 0
        except OSError:
            pass  # cut
        self._break(source)
        self._break(sink)

    def _break(self, end: socket.socket) -> None:
        if end not in self._open:
            return
        self._open.discard(end)
        try:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            end.shutdown(socket.SHUT_RDWR)  # wakes whoever reads from it
        except OSError:
            pass  # the other side was quicker
        end.close()
