"""Build the paths of files from ids that the server generated, never from user input."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from chromi.config import MB
from chromi.errors import NotFound
from chromi.storage.files import IncomingFile

MIN_FREE_BYTES = 500 * MB
"""An upload is briefly stored twice. A conversion stores 50 to 500 MB of frames and writes the GIF."""

_ID = re.compile(r"[0-9a-f]{32}")
_FRAME_CACHE_KEY = re.compile(r"[0-9a-f]{16}")


class Storage:
    """The media folder: uploads, cached frames, work in progress and results.

    Each is named after its row's id.
    """

    def __init__(self, instance: Path) -> None:
        media = instance.resolve() / "media"
        self.uploads = media / "uploads"
        self.frames = media / "frames"
        self.work = media / "work"
        self.results = media / "results"
        self.workers = instance.resolve() / "workers"
        """One lock file per live worker; see worker_locks.py."""

    def create_folders(self) -> None:
        for folder in (self.uploads, self.frames, self.work, self.results, self.workers):
            folder.mkdir(parents=True, exist_ok=True)

    # -- uploads ---------------------------------------------------------------------------------------

    def open_incoming(self) -> IncomingFile:
        return IncomingFile(self.uploads)

    def upload_path(self, upload_id: str) -> Path:
        """Return the path of an upload, complete or not."""
        return self.uploads / _check_name(upload_id)

    def preview_path(self, upload_id: str) -> Path:
        """Return the path of an upload's copy that every browser can play."""
        return self.uploads / f"{_check_name(upload_id)}.mp4"

    def stills_folder(self, upload_id: str) -> Path:
        """Return the folder with an upload's frame as each quality renders it, from the latest estimate."""
        return self.uploads / f"{_check_name(upload_id)}-stills"

    # -- cached frames ---------------------------------------------------------------------------------

    def frame_cache_path(self, upload_id: str, frame_cache_key: str) -> Path:
        """Return the path of an upload's extracted frames. See ConversionOptions.frame_cache_key()."""
        return self.frames / f"{_check_name(upload_id)}-{_check_name(frame_cache_key, _FRAME_CACHE_KEY)}.nut"

    def cached_frames(self) -> list[tuple[str, Path]]:
        """List the cached frames with the id of their upload, most recently used first."""
        paths = sorted(self.frames.iterdir(), key=_modified_at, reverse=True)
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
        for path in self.result_files(job_id):
            path.unlink(missing_ok=True)

    # -- disk space ------------------------------------------------------------------------------------

    def is_full(self) -> bool:
        """True if there is not even room for a row."""
        return shutil.disk_usage(self.uploads).free < MB

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


def _modified_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0  # another process has just removed it
