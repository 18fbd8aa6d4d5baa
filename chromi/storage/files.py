"""Write files and measure the sizes of those on disk."""

from __future__ import annotations

import fcntl
import io
import os
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from chromi.errors import UploadLocked


def make_files_private() -> None:
    """Set the umask so that only the owner can read the files of this process and its children."""
    os.umask(0o077)


def new_id() -> str:
    """Return a random 128-bit id. There is no login: anyone who knows an id may access what it names."""
    return secrets.token_hex(16)


class IncomingFile(io.BufferedRandom):
    """A file that is being uploaded. It is deleted when closed unless it was kept.

    The multipart parser writes directly to this file in the uploads folder. Keeping it is therefore a rename
    instead of another copy of up to 100 MB.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / f"incoming-{new_id()}"
        super().__init__(io.FileIO(self.path, "x+"))

    def keep(self, destination: Path) -> None:
        """Move the file to its final name. Closing it then deletes nothing.

        This does not use `atomic_publish`: if a power failure loses the bytes, the client uploads the clip
        again.
        """
        self.flush()
        os.replace(self.path, destination)

    def close(self) -> None:
        try:
            super().close()
        finally:  # on a full disk, even closing fails
            self.path.unlink(missing_ok=True)


class PartialFile(io.FileIO):
    """A file that grows chunk by chunk. An exclusive lock keeps other writers out while it is open."""

    def __init__(self, path: Path) -> None:
        """Open or create the file, and lock it. Raises UploadLocked if it is locked."""
        super().__init__(path, "a")
        try:
            fcntl.flock(self.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)  # released if the process dies
        except BlockingIOError as error:
            self.close()
            raise UploadLocked from error

    def close(self) -> None:
        """Unlock explicitly, because a program started by another thread may briefly hold a copy."""
        if not self.closed:
            fcntl.flock(self.fileno(), fcntl.LOCK_UN)
        super().close()

    @property
    def size_bytes(self) -> int:
        return os.fstat(self.fileno()).st_size

    def append(self, content: bytes) -> None:
        """Write all of `content`, or as much as fits if the disk fills up. Raises OSError."""
        rest = memoryview(content)
        while rest:
            rest = rest[self.write(rest) :]


def files_in(folder: Path) -> Iterator[Path]:
    """Yield the files at any depth. Unlike rglob(), this tolerates files and folders that disappear."""
    return (Path(parent, name) for parent, _, names in os.walk(folder) for name in names)


def modified_at(path: Path) -> float:
    """Return when a file was last written to, in seconds since 1970; 0 if it does not exist."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def record_read(path: Path) -> None:
    """Set the time at which a file was last read, if it exists. Many volumes do not record it themselves."""
    with suppress(OSError):
        os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))


def size_of(files: Iterable[Path]) -> int:
    """Return the total bytes of the files that exist. Files may disappear while they are being counted."""
    size_bytes = 0
    for path in files:
        with suppress(OSError):
            size_bytes += path.stat().st_size
    return size_bytes
