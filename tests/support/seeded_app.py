"""A web server without a worker. Tests write its rows, so they can create any state, which then persists."""

from __future__ import annotations

import shutil
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from peewee import OperationalError

from chromi.config import QUEUES, Settings
from chromi.db import (
    Batch,
    CleanupLease,
    Download,
    IdempotencyKey,
    Job,
    JobKind,
    Link,
    RateLimitUsage,
    State,
    Upload,
    Webhook,
    Worker,
    database,
)
from chromi.encoder import ConversionOptions, ConversionResult, probe_video
from chromi.signing_keys import load_signing_keys
from chromi.storage import Storage, new_id
from chromi.tokens import TokenSigner
from tests.support.running_service import Service

TWO_HOURS_S = 7200.0
WORKER_ID = "seeded"
HEARTBEAT_S = 5.0

Finished = tuple[Path, Path, ConversionResult]
"""A GIF, the first frame of its source, and what the encoder returned."""


@dataclass
class SeededApp:
    """The web server, its database (open in this process), and the files for new rows."""

    service: Service
    clip: Path
    finished: Finished
    heartbeat: Heartbeat | None = None

    @property
    def url(self) -> str:
        return self.service.url

    @property
    def storage(self) -> Storage:
        return Storage(self.service.instance)

    def create_upload(self, clip: Path | None = None, **info: Any) -> str:
        """Create an upload and return its studio's URL; `info` overrides the probed video properties."""
        path, upload_id = clip or self.clip, new_id()
        shutil.copy(path, self.storage.upload_path(upload_id))
        info_json = probe(path, path.stat().st_mtime_ns) | info
        Upload.create(id=upload_id, length_bytes=path.stat().st_size, info_json=info_json)
        return f"{self.url}/uploads/{upload_id}/"

    def create_unplayable_upload(self) -> str:
        """Create an upload that the server accepts but the browser cannot play; return its URL."""
        url = self.create_upload()
        self.storage.upload_path(id_in(url)).write_bytes(b"no picture in here" * 99)
        return url

    def create_partial_upload(self) -> str:
        """Create an upload with the first half of the clip and return its URL."""
        size_bytes = self.clip.stat().st_size
        upload = Upload.create(length_bytes=size_bytes)
        half = self.clip.read_bytes()[: size_bytes // 2]
        self.storage.partial_upload_path(upload.id).write_bytes(half)
        return f"{self.url}/uploads/{upload.id}/"

    def create_job(self, **values: Any) -> str:
        """Create a job with these column values and return its URL."""
        row = {
            "options_json": ConversionOptions().to_dict(),
            "created_at": time.time() - TWO_HOURS_S,
            "upload": id_in(self.create_upload()),
        } | values
        return self.job_url(Job.create(**row))

    def create_running_job(self) -> str:
        return self.create_job(
            state=State.IN_PROGRESS,
            progress=0.4,
            step="encoding",
            message="Rendering the GIF",
            started_at=time.time() - 5,
            heartbeat_at=time.time() + TWO_HOURS_S,
        )

    def create_failed_job(self, code: str, **values: Any) -> str:
        return self.create_job(**{"state": State.FAILED, **failure(code), **values})

    def create_result(self, size_bytes: int | None = None, *, finished: Finished | None = None) -> Job:
        """Create a finished job with its files; `size_bytes` replaces the GIF's size in the row."""
        return self.finish_conversion(self.create_job(), size_bytes, finished=finished)

    def finish_conversion(
        self, url: str, size_bytes: int | None = None, *, finished: Finished | None = None
    ) -> Job:
        """Create the files of the job at this URL and mark it as successful, as a worker would."""
        gif, poster, result = finished or self.finished
        job_id = id_in(url)
        shutil.copy(gif, self.storage.result_path(job_id))
        shutil.copy(poster, self.storage.source_frame_path(job_id))
        Link.create(job=job_id, expires_at=time.time() + TWO_HOURS_S, shared=False)
        result_json = {"result": result.to_dict() | ({"bytes": size_bytes} if size_bytes else {})}
        values = {"state": State.SUCCESS, "progress": 1.0, "result_json": result_json}
        Job.update(values).where(Job.id == job_id).execute()
        return Job.find(job_id)

    def create_share_link(self, job: Job, **values: Any) -> str:
        """Create a share link with these column values and return its URL."""
        link = Link.create(**{"job": job, "expires_at": time.time() + TWO_HOURS_S, **values})
        signer = TokenSigner(load_signing_keys(Settings(instance=self.service.instance)))
        return f"{self.url}/download/{signer.sign_link(link.code)}/"

    def job_url(self, job: Job) -> str:
        return f"{self.url}/jobs/{job.id}/"

    def finish_newest_job(self, kind: JobKind, **result: Any) -> None:
        """Mark the newest job of this kind as successful, as a worker would."""
        newest = Job.select().where(Job.kind == kind).order_by(Job.created_at.desc()).first()
        Job.update(state=State.SUCCESS, progress=1.0, result_json=result).where(Job.id == newest.id).execute()

    def fail_newest_job(self, code: str) -> None:
        """Mark the newest job as failed, as a worker would."""
        newest = Job.select().order_by(Job.created_at.desc()).first()
        Job.update(state=State.FAILED, **failure(code)).where(Job.id == newest.id).execute()

    def delete_rows(self) -> None:
        """Delete what earlier tests have stored, so that they do not use up limits or the queue."""
        for table in (Download, Link, Webhook, Batch, IdempotencyKey, RateLimitUsage, Job, Upload):
            table.delete().execute()

    def start_heartbeat(self) -> None:
        """Start sending a worker's heartbeats, unless they are already being sent."""
        if self.heartbeat is None:
            Worker.record_heartbeat(WORKER_ID, QUEUES)
            CleanupLease.acquire(WORKER_ID)
            self.heartbeat = Heartbeat()

    def stop_heartbeat(self) -> None:
        """Stop the heartbeats, so that the server reports that no worker is running."""
        if self.heartbeat:
            self.heartbeat.stop()
            self.heartbeat = None
        Worker.delete().execute()


class Heartbeat(threading.Thread):
    """Sends a worker's heartbeats."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._is_stopped = threading.Event()
        self.start()

    def run(self) -> None:
        while not self._is_stopped.wait(HEARTBEAT_S):
            # A page state may briefly lock or rename the table. The next heartbeat will succeed.
            with suppress(OperationalError), database.connection_context():
                Worker.record_heartbeat(WORKER_ID, QUEUES)

    def stop(self) -> None:
        self._is_stopped.set()
        self.join()


@cache
def probe(path: Path, mtime_ns: int) -> dict[str, Any]:
    """Return the properties of a clip, each version of which ffmpeg reads only once."""
    return probe_video(path).to_dict()


def failure(code: str) -> dict[str, str]:
    """Return the columns of a failed job."""
    return {"error_code": code, "error_message": "The video could not be converted."}


def id_in(url: str) -> str:
    """Return the id at the end of the URL of an upload or a job."""
    return url.rstrip("/").rpartition("/")[2]
