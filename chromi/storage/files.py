"""Where files lie: paths made from ids that the server made, never from a user's words."""

from __future__ import annotations

import fcntl
import io
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from chromi.config import MB
from chromi.errors import NotFound, UploadLocked

MIN_FREE_BYTES = 500 * MB
"""An upload is on disk twice for a moment, a conversion keeps 50 to 500 MB of frames and writes the GIF."""

_ID = re.compile(r"[0-9a-f]{32}")
_PICTURES_KEY = re.compile(r"[0-9a-f]{16}")


def make_files_private() -> None:
    """Have this process and those that it starts make files that nobody but their owner can read."""
    os.umask(0o077)


def new_id() -> str:
    """Make an unguessable id of 128 bits: whoever knows it may see the thing, as there is no login."""
    return secrets.token_hex(16)


class IncomingFile(io.BufferedRandom):
    """A file being uploaded: it vanishes when closed, unless it was kept.

    The multipart parser writes straight into it, inside the uploads folder, so that keeping it is a rename
    and not another copy of up to 100 MB.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / f"incoming-{new_id()}"
        super().__init__(io.FileIO(self.path, "x+"))

    def keep(self, destination: Path) -> None:
        """Move the bytes to their name for good; afterwards closing removes nothing."""
        self.flush()
        os.replace(self.path, destination)

    def close(self) -> None:
        try:
            super().close()
        finally:  # on a full disk even closing fails
            self.path.unlink(missing_ok=True)


class PartialFile(io.FileIO):
    """A file that comes in pieces; whoever has it open is the only one to add to it."""

    def __init__(self, path: Path) -> None:
        """Open it; raises NotFound when it is gone and UploadLocked while another has it open."""
        try:
            super().__init__(os.open(path, os.O_WRONLY | os.O_APPEND), "a")
        except FileNotFoundError as error:
            raise NotFound from error
        try:
            fcntl.flock(self.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)  # the kernel lets go when we die
        except BlockingIOError as error:
            self.close()
            raise UploadLocked from error

    def close(self) -> None:
        """Let go of it at once: a program that another thread starts holds our descriptors for a moment."""
        if not self.closed:
            fcntl.flock(self.fileno(), fcntl.LOCK_UN)
        super().close()

    @property
    def size_bytes(self) -> int:
        return os.fstat(self.fileno()).st_size

    def append(self, piece: bytes) -> None:
        """Write all of it; on a full disk as much as there is room for."""
        rest = memoryview(piece)
        while rest:
            rest = rest[self.write(rest) :]


def files_in(folder: Path) -> Iterator[Path]:
    """The files at any depth; folders and files may go meanwhile, which ends a walk of rglob()."""
    return (Path(inner, name) for inner, _, names in os.walk(folder) for name in names)


def size_of(files: Iterable[Path]) -> int:
    """Add up the bytes of what is there; files may go while they are counted."""
    size_bytes = 0
    for path in files:
        with suppress(OSError):
            size_bytes += path.stat().st_size
    return size_bytes


class Storage:
    """The media folder: uploads, their frames, work in progress and results, each named by its row's id."""

    def __init__(self, instance: Path) -> None:
        media = instance.resolve() / "media"
        self.uploads = media / "uploads"
        self.frames = media / "frames"
        self.work = media / "work"
        self.results = media / "results"
        self.workers = instance.resolve() / "workers"
        """A lock file for each live worker; see worker_locks.py."""

    def create_folders(self) -> None:
        for folder in (self.uploads, self.frames, self.work, self.results, self.workers):
            folder.mkdir(parents=True, exist_ok=True)

    def open_incoming(self) -> IncomingFile:
        return IncomingFile(self.uploads)

    def upload_path(self, upload_id: str) -> Path:
        return self.uploads / _checked(upload_id)

    def partial_path(self, upload_id: str) -> Path:
        """Say where an upload grows piece by piece, in the folder where it will stay."""
        return self.uploads / f"partial-{_checked(upload_id)}"

    def preview_path(self, upload_id: str) -> Path:
        """Say where the copy of an upload lies that every browser plays, once it has been made."""
        return self.uploads / f"{_checked(upload_id)}.mp4"

    def frame_cache_path(self, upload_id: str, frame_cache_key: str) -> Path:
        """Say where the frames of an upload are kept that ConversionOptions.frame_cache_key() names."""
        return self.frames / f"{_checked(upload_id)}-{_checked(frame_cache_key, _PICTURES_KEY)}.nut"

    def cached_frames(self) -> list[tuple[str, Path]]:
        """List all kept frames, those used last first, each with its upload's id."""
        paths = sorted(self.frames.iterdir(), key=_used_at, reverse=True)
        return [(path.name.partition("-")[0], path) for path in paths]

    def is_full(self) -> bool:
        """True when not even a row can be written."""
        return shutil.disk_usage(self.uploads).free < MB

    def is_low(self) -> bool:
        return shutil.disk_usage(self.frames).free < MIN_FREE_BYTES

    def attempt_path(self, job_id: str, attempt: int) -> Path:
        """Say where one attempt at a job works, so that a later one never meets it."""
        return self.work / f"{_checked(job_id)}-{attempt:d}"

    def remove_attempts(self, job_id: str) -> None:
        """Remove what attempts at a job have left that were killed."""
        for path in self.work.glob(f"{_checked(job_id)}-*"):
            shutil.rmtree(path, ignore_errors=True)

    def result_path(self, job_id: str) -> Path:
        return self.results / f"{_checked(job_id)}.gif"

    def source_frame_path(self, job_id: str) -> Path:
        """Say where the first picture lies as it was before it was drawn in few colors."""
        return self.results / f"{_checked(job_id)}.jpg"

    def remove_result(self, job_id: str) -> None:
        for path in (self.result_path(job_id), self.source_frame_path(job_id)):
            path.unlink(missing_ok=True)


def _checked(name: str, shape: re.Pattern[str] = _ID) -> str:
    """Refuse whatever is no name of ours, so that no path can leave its folder."""
    if not shape.fullmatch(name):
        raise NotFound
    return name


def _used_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0  # another process removed it just now
