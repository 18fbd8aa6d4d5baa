"""Build the paths of files from ids that the server generated, never from user input."""

from __future__ import annotations

import logging
import re
import shutil
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from chromi.atomic_files import create_once
from chromi.config import MB
from chromi.encoder.options import Quality
from chromi.errors import NotFound, ServiceBusy, ServiceUnhealthy
from chromi.storage.bucket import Bucket, Tick
from chromi.storage.files import IncomingFile, modified_at, new_id, record_read

logger = logging.getLogger(__name__)

REQUEST_RETRY_S = 5.0
"""How long a request waits for a bucket that is unavailable."""
MIN_FREE_BYTES = 500 * MB
"""An upload is briefly stored twice. A conversion stores 50 to 500 MB of frames and writes the GIF."""

_ID = re.compile(r"[0-9a-f]{32}")
_FRAME_CACHE_KEY = re.compile(r"[0-9a-f]{16}")


class Storage:
    """The media folder: uploads, cached frames, work in progress and results.

    Each is named after its row's id. With a bucket, uploads and results that are complete are also there, and
    the files here are this node's copies.
    """

    def __init__(self, instance: Path, bucket_url: str = "") -> None:
        """Raises ConfigError if the library for the bucket is missing."""
        self.bucket = Bucket(bucket_url) if bucket_url else None
        media = instance.resolve() / "media"
        self.uploads = media / "uploads"
        self.frames = media / "frames"
        self.work = media / "work"
        self.results = media / "results"
        self.spool = instance.resolve() / "tmp"
        """Temporary files of all processes, such as request bodies. /tmp is often in memory."""
        self.workers = instance.resolve() / "workers"
        """One lock file per live worker; see worker_locks.py."""

    @cached_property
    def node(self) -> str:
        """A random name of this machine's instance folder."""
        return create_once(self.workers.with_name("node"), new_id())

    def create_folders(self) -> None:
        for folder in self._folders:
            folder.mkdir(parents=True, exist_ok=True)

    def check_folders(self) -> None:
        """Raise ServiceUnhealthy if a folder has disappeared, for example because a disk was unmounted."""
        for folder in self._folders:
            if not folder.is_dir():
                raise ServiceUnhealthy(f"The folder {folder} is missing. Restart Chromi to create it.")

    @property
    def _folders(self) -> tuple[Path, ...]:
        return self.uploads, self.frames, self.work, self.results, self.workers

    # -- copies in the bucket --------------------------------------------------------------------------

    def fetch(
        self,
        path: Path,
        on_tick: Tick = lambda: None,
        *,
        retry_s: float = REQUEST_RETRY_S,
        newer_than: float = 0.0,
    ) -> Path:
        """Return the path of a complete file after copying it from the bucket if necessary.

        A copy from before `newer_than`, in seconds since 1970, is replaced. The cleanup keeps the copy for a
        minute, so that it can be opened. Without a bucket, the file may be missing. Raises NotFound,
        ServiceBusy and DiskFull.
        """
        if self.bucket:
            record_read(path)
            try:
                key = self._key(path)
                self.bucket.fetch(key, path, on_tick, retry_s=retry_s, newer_than=newer_than)
            except FileNotFoundError as error:
                raise NotFound from error
        return path

    def is_available(self, path: Path) -> bool:
        """Copy a file from the bucket if it is there. Return whether it is here now. Raises ServiceBusy."""
        with suppress(NotFound):
            return self.fetch(path).exists()
        return False

    def publish(self, *paths: Path, on_tick: Tick = lambda: None, retry_s: float = REQUEST_RETRY_S) -> None:
        """Copy complete files to the bucket. Raises ServiceBusy."""
        if self.bucket:
            for path in paths:
                if path.exists():
                    self.bucket.publish(path, self._key(path), on_tick, retry_s=retry_s)

    def remove(self, *paths: Path) -> None:
        """Delete files here and in the bucket, where the cleanup deletes what cannot be deleted now."""
        for path in paths:
            path.unlink(missing_ok=True)
        if self.bucket:
            try:
                self.bucket.delete(map(self._key, paths), retry_s=0)
            except ServiceBusy as error:
                logger.warning("could not delete from the bucket: %s", error)

    def _key(self, path: Path) -> str:
        return str(path.relative_to(self.uploads.parent))

    # -- uploads ---------------------------------------------------------------------------------------

    def open_incoming(self) -> IncomingFile:
        return IncomingFile(self.uploads)

    def upload_path(self, upload_id: str) -> Path:
        """Return the path of a complete upload."""
        return self.uploads / _check_name(upload_id)

    def partial_upload_path(self, upload_id: str) -> Path:
        """Return the path of the bytes of a resumable upload that have arrived at this machine."""
        return self.uploads / f"{_check_name(upload_id)}.partial"

    def preview_path(self, upload_id: str) -> Path:
        """Return the path of an upload's copy that every browser can play."""
        return self.uploads / f"{_check_name(upload_id)}.mp4"

    def stills_folder(self, upload_id: str) -> Path:
        """Return the folder with an upload's frame as each quality renders it, from the latest estimate."""
        return self.uploads / f"{_check_name(upload_id)}-stills"

    def upload_files(self, upload_id: str) -> list[Path]:
        """Return the paths of an upload and of what is made from it, whether or not they exist."""
        stills = [self.stills_folder(upload_id) / f"{quality}.png" for quality in Quality]
        paths = self.upload_path(upload_id), self.partial_upload_path(upload_id), self.preview_path(upload_id)
        return [*paths, *stills]

    # -- cached frames ---------------------------------------------------------------------------------

    def frame_cache_path(self, upload_id: str, frame_cache_key: str) -> Path:
        """Return the path of an upload's extracted frames. See ConversionOptions.frame_cache_key()."""
        return self.frames / f"{_check_name(upload_id)}-{_check_name(frame_cache_key, _FRAME_CACHE_KEY)}.nut"

    def cached_frames(self) -> list[tuple[str, Path]]:
        """List the cached frames with the id of their upload, most recently used first."""
        paths = sorted(self.frames.iterdir(), key=modified_at, reverse=True)
        return [(path.name.partition("-")[0], path) for path in paths]

    # -- jobs ------------------------------------------------------------------------------------------

    def attempt_path(self, job_id: str, attempt: int) -> Path:
        """Return the work folder of one attempt at a job. No two attempts share a folder."""
        return self.work / f"{_check_name(job_id)}-{attempt:d}"

    def remove_attempts(self, job_id: str) -> None:
        """Remove the work folders left behind by killed attempts at a job."""
        for path in self.work.glob(f"{_check_name(job_id)}-*"):
            shutil.rmtree(path, ignore_errors=True)

    def result_path(self, job_id: str) -> Path:
        return self.results / f"{_check_name(job_id)}.gif"

    def source_frame_path(self, job_id: str) -> Path:
        """Return the path of the full-color first frame."""
        return self.results / f"{_check_name(job_id)}.jpg"

    def moving_preview_path(self, job_id: str) -> Path:
        """Return the path of the small video that the page of a share link plays."""
        return self.results / f"{_check_name(job_id)}.mp4"

    def result_files(self, job_id: str) -> tuple[Path, Path, Path]:
        """Return the paths of the GIF and of what is made with it."""
        return self.result_path(job_id), self.source_frame_path(job_id), self.moving_preview_path(job_id)

    def remove_result(self, job_id: str) -> None:
        self.remove(*self.result_files(job_id))

    # -- disk space ------------------------------------------------------------------------------------

    def is_full(self) -> bool:
        """True if there is not even room for a row."""
        return shutil.disk_usage(self.uploads).free < MB

    def is_crowded(self) -> bool:
        """True if less than twice MIN_FREE_BYTES are free: there is hardly room for uploads."""
        return shutil.disk_usage(self.frames).free < 2 * MIN_FREE_BYTES

    def is_low(self) -> bool:
        """True if less than MIN_FREE_BYTES are free."""
        return shutil.disk_usage(self.frames).free < MIN_FREE_BYTES


def _check_name(name: str, pattern: re.Pattern[str] = _ID) -> str:
    """Return the name.

    Raises NotFound unless it looks like a generated name, so no path leaves its folder.
    """
    if not pattern.fullmatch(name):
        raise NotFound
    return name
