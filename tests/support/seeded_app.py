"""A Chromi whose rows a test writes itself: every state at once, and it stays as it is."""

from __future__ import annotations

import shutil
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from peewee import OperationalError

from chromi.config import Settings, load_signing_keys
from chromi.db import Job, JobKind, Link, State, Upload, Worker, database
from chromi.encoder import ConversionOptions, ConversionResult, probe_video
from chromi.storage import Storage, new_id
from chromi.tokens import TokenSigner
from tests.support.running_service import Service

LATER_S = 7200.0

Finished = tuple[Path, Path, ConversionResult]


@dataclass
class House:
    """The web server alone, its database (open in this process) and what to fill it with."""

    service: Service
    clip: Path
    finished: Finished
    shifts: list[Shift] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.service.url

    @property
    def storage(self) -> Storage:
        return Storage(self.service.instance)

    def upload(self, clip: Path | None = None, **facts: Any) -> str:
        """The address of a clip's studio; `facts` are told in place of the file's own."""
        path, upload_id = clip or self.clip, new_id()
        shutil.copy(path, self.storage.upload_path(upload_id))
        info = probe_video(path).to_dict() | facts
        Upload.create(id=upload_id, bytes=path.stat().st_size, info_json=info)
        return f"{self.url}/uploads/{upload_id}/"

    def unplayable_upload(self) -> str:
        """The address of a clip that is one to the server, and none to the browser."""
        address = self.upload()
        upload_id = address.rstrip("/").rpartition("/")[2]
        self.storage.upload_path(upload_id).write_bytes(b"no picture in here" * 99)
        return address

    def partial(self) -> str:
        """The address of an upload of which a half is here."""
        size_bytes = self.clip.stat().st_size
        partial = Upload.create(length_bytes=size_bytes)
        self.storage.upload_path(partial.id).write_bytes(self.clip.read_bytes()[: size_bytes // 2])
        return f"{self.url}/uploads/{partial.id}/"

    def job(self, **values: Any) -> str:
        """The address of a job as its row says."""
        upload_id = self.upload().rstrip("/").rpartition("/")[2]
        now = time.time()
        row = {
            "options_json": ConversionOptions().to_dict(),
            "created_at": now - LATER_S,
            "upload": upload_id,
        } | values
        return f"{self.url}/jobs/{Job.create(**row).id}/"

    def running(self) -> str:
        return self.job(
            state=State.IN_PROGRESS,
            progress=0.4,
            message="Choosing colors",
            started_at=time.time() - 5,
            heartbeat_at=time.time() + LATER_S,
        )

    def failed(self, code: str, **values: Any) -> str:
        row = {"error_code": code, "error_message": "The video could not be converted."} | values
        return self.job(state=State.FAILED, **row)

    def result(self, size_bytes: int | None = None, *, finished: Finished | None = None) -> Job:
        """A finished job, of `size_bytes` as its row says."""
        gif, poster, made = finished or self.finished
        told = made.to_dict() | ({"bytes": size_bytes} if size_bytes else {})
        address = self.job(state=State.SUCCESS, progress=1.0, result_json=told)
        job = Job.find(address.rstrip("/").rpartition("/")[2])
        shutil.copy(gif, self.storage.result_path(job.id))
        shutil.copy(poster, self.storage.source_frame_path(job.id))
        Link.create(job=job, expires_at=time.time() + LATER_S, shared=False)
        return job

    def share(self, job: Job, **values: Any) -> str:
        """The address of a share link as its row says."""
        link = Link.create(**{"job": job, "expires_at": time.time() + LATER_S, **values})
        signer = TokenSigner(load_signing_keys(Settings(instance=self.service.instance)))
        return f"{self.url}/download/{signer.sign_download(link.id, link.created_at)}/"

    def page_of(self, job: Job) -> str:
        return f"{self.url}/jobs/{job.id}/"

    def answer(self, kind: JobKind, **result: Any) -> None:
        """End the newest job of this kind, as a worker does."""
        newest = Job.select().where(Job.kind == kind).order_by(Job.created_at.desc()).first()
        Job.update(state=State.SUCCESS, progress=1.0, result_json=result).where(Job.id == newest.id).execute()

    def fail_newest(self, code: str) -> None:
        """End the newest job as a worker does that cannot do it."""
        newest = Job.select().order_by(Job.created_at.desc()).first()
        failure = {"error_code": code, "error_message": "The video could not be converted."}
        Job.update(state=State.FAILED, **failure).where(Job.id == newest.id).execute()

    def hire(self) -> None:
        """Let a worker seem to be there, until it is dismissed."""
        Worker.record_heartbeat("everywhere")
        self.shifts.append(Shift())

    def dismiss(self) -> None:
        for shift in self.shifts:
            shift.end()
        self.shifts.clear()
        Worker.delete().execute()


class Shift(threading.Thread):
    """A worker's signs of life."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._over = threading.Event()
        self.start()

    def run(self) -> None:
        while not self._over.wait(5):
            # A scene may lock the table or take it away for a moment: the next sign of life tells.
            with suppress(OperationalError), database.connection_context():
                Worker.record_heartbeat("everywhere")

    def end(self) -> None:
        self._over.set()
        self.join()
