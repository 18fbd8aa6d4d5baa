"""Open an instance folder in the test's own process, without a web server."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chromi.config import Settings
from chromi.db import FINAL_STATES, CleanupLease, Job, Upload, database
from chromi.db.connection import configure_database
from chromi.encoder import ConversionOptions, probe_video
from chromi.jobs.cleanup import CleanupReport, run_cleanup
from chromi.jobs.queue import Queue, open_service
from chromi.storage import Storage
from tests.support.service_database import make_old
from tests.support.waiting import wait_for


@dataclass(frozen=True)
class OpenInstance:
    """The settings, files and queue of an instance folder. Consumers may run on the same folder."""

    settings: Settings
    storage: Storage
    queue: Queue

    @property
    def folder(self) -> Path:
        return self.settings.instance

    @property
    def environ(self) -> dict[str, str]:
        """The environment variables for other processes that use the same servers."""
        names = ("database_url", "queue_url", "storage_url", "secret_key")
        return {f"CHROMI_{name.upper()}": text for name in names if (text := getattr(self.settings, name))}

    @property
    def log_path(self) -> Path:
        """The log of the consumers that `run_consumer` starts."""
        return self.folder / "consumer.log"

    def create_upload(self, clip: Path) -> Upload:
        """Create a complete one-shot upload from a copy of this clip."""
        upload = Upload.create(
            length_bytes=clip.stat().st_size, info_json=probe_video(clip).to_dict(), one_shot=True
        )
        shutil.copy(clip, self.storage.upload_path(upload.id))
        return upload

    def queue_job(self, upload: Upload | None = None, *, start_s: float = 0.0, task_count: int = 1) -> str:
        """Create a job dated a minute ago, enqueue it `task_count` times and return its id.

        Without `upload`, the job has an upload without a file. This is enough for a fake worker.
        """
        upload = upload or Upload.create(length_bytes=0, info_json={})
        options = ConversionOptions(start_s=start_s, duration_s=1.0)
        job = Job.create(upload=upload, options_json=options.to_dict(), created_at=time.time() - 60)
        for _ in range(task_count):
            self.queue.enqueue(job)
        return str(job.id)

    def wait_for_end(self, job_id: str) -> Job:
        """Return the job once it has reached a final state."""

        def find_ended_job() -> Job | None:
            job = Job.find(job_id)
            return job if job.state in FINAL_STATES else None

        job = wait_for(find_ended_job, "the job's end", timeout_s=60)
        assert job is not None
        return job

    def clean_up(self) -> CleanupReport:
        return run_cleanup(self.settings, self.storage, self.queue.sizes, self.queue.enqueue)

    def clean_up_later(self) -> CleanupReport:
        """Run the cleanup as if hours had passed for all files and for the lease of a killed holder."""
        CleanupLease.update(expires_at=0).execute()
        for path in self._media_paths():
            make_old(path)
        return self.clean_up()

    def list_media_names(self) -> list[str]:
        """Return the names of all media files, each cut off at its first hyphen."""
        return sorted(path.name.partition("-")[0] for path in self._media_paths())

    def list_temporary_files(self) -> list[Path]:
        """Return the media files other than results: uploads, cached frames and work folders."""
        return [path for path in self._media_paths() if path.parent != self.storage.results]

    def list_runs(self) -> list[list[str]]:
        """Return job id and process id of each conversion that fake workers have started."""
        path = self.folder / "runs"
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []

    def _media_paths(self) -> list[Path]:
        return list(self.folder.glob("media/*/*"))


@contextmanager
def open_instance(folder: Path, **server_settings: Any) -> Iterator[OpenInstance]:
    """Open an instance folder and create it if necessary."""
    settings = Settings(instance=folder, **server_settings)
    storage, queue = open_service(settings)
    try:
        yield OpenInstance(settings, storage, queue)
    finally:
        queue.huey.storage.close()
        database.close()
        if settings.database_url:
            configure_database(folder, "")
