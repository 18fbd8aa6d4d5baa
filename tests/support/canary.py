"""Detect access to a port or a file that no program may access."""

import ctypes
import os
import socket
import threading
from pathlib import Path

_IN_ACCESS, _IN_OPEN = 0x1, 0x20


class Canary:
    """A listener on localhost that counts the connections to it. Nothing should connect."""

    def __init__(self) -> None:
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/video.mp4"
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


class FileWatcher:
    """Detects with inotify when any process opens or reads a file."""

    def __init__(self, path: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        watch = libc.inotify_add_watch(self._descriptor, os.fsencode(path), _IN_ACCESS | _IN_OPEN)
        assert watch >= 0, os.strerror(ctypes.get_errno())

    @property
    def was_opened(self) -> bool:
        """True if the file was opened since the last access to this property."""
        try:
            return bool(os.read(self._descriptor, 65536))
        except BlockingIOError:
            return False

    def close(self) -> None:
        os.close(self._descriptor)
