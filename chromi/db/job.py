"""Jobs: conversions, and the clip analyses that the studio requests before a conversion."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Any

from peewee import CharField, DoubleField, ForeignKeyField, IntegerField, JSONField

from chromi.db.base import BaseModel
from chromi.db.upload import Upload
from chromi.encoder import (
    ConversionOptions,
    ConversionResult,
    LoopWindow,
    Progress,
    SizeEstimate,
    format_timecode,
)
from chromi.encoder.options import MIN_MB
from chromi.errors import ChromiError
from chromi.i18n import Message

MAX_ATTEMPTS = 2
"""A job whose worker died is retried once, because a clip that kills workers must not run again and again."""

RESTARTING = Message("Interrupted. Starting over.")
READING_FRACTION = 0.2
"""Approximate share of a conversion's progress that is spent reading the clip."""

LARGE_BYTES = 30_000_000
"""Chrome holds the file and its decoded frames for each new tab. A 35 MB file took 528 MB and half a core."""


class JobKind(StrEnum):
    CONVERT = "convert"
    ESTIMATE = "estimate"  # the expected file size at each quality
    LOOPS = "loops"  # the windows of the clip that loop best
    BARS = "bars"  # black bars around the content
    PREVIEW = "preview"  # a copy of the clip that browsers can play


class State(StrEnum):
    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINAL_STATES = (State.SUCCESS, State.FAILED, State.CANCELLED)


class Job(BaseModel):
    """A job. The row is the source of truth; messages in the queue only wake workers."""

    upload = ForeignKeyField(Upload, null=True, backref="jobs", on_delete="SET NULL")
    upload_id: str | None
    batch_id = CharField(null=True, index=True)
    batch_position = IntegerField(default=0)
    links: Any
    kind = CharField(default=JobKind.CONVERT)
    client = CharField(null=True, index=True)
    """The client that started it, as a name that does not reveal the address; None for local clients."""
    priority = IntegerField(default=0)
    """The waiting job with the highest priority runs first; among equals, the oldest runs first."""
    options_json = JSONField()
    state = CharField(default=State.QUEUED, index=True)
    step = CharField(default="")
    progress = DoubleField(default=0.0)
    message = CharField(default="")
    error_code = CharField(null=True)
    error_message = CharField(null=True)
    """The pattern of the error's Message."""
    error_values = JSONField(null=True)
    result_json = JSONField(null=True)
    """The job handler's return value: the fields shown in the job's JSON."""
    worker = CharField(null=True)
    heartbeat_at = DoubleField(null=True)
    attempts = IntegerField(default=0)
    started_at = DoubleField(null=True)
    finished_at = DoubleField(null=True)

    # -- transitions -----------------------------------------------------------------------------------

    @classmethod
    def claim(cls, job_id: str, worker: str) -> Job | None:
        """Start a queued job for this worker, or return None if it is not queued."""
        now = time.time()
        claimed = (
            cls.update(
                state=State.IN_PROGRESS,
                worker=worker,
                heartbeat_at=now,
                started_at=now,
                attempts=cls.attempts + 1,
            )
            .where(cls.id == job_id, cls.state == State.QUEUED)
            .execute()
        )
        return cls.find(job_id) if claimed else None

    @classmethod
    def claim_next(cls, kinds: Collection[JobKind], worker: str) -> Job | None:
        """Start the first queued job of these kinds for this worker, or return None if none is queued."""
        queued = cls.queued(cls.kind.in_(kinds)).order_by(cls.priority.desc(), cls.created_at)
        while job := queued.clone().first():  # first() keeps its result
            if claimed := cls.claim(job.id, worker):
                return claimed
        return None

    def report(self, progress: Progress) -> bool:
        """Renew the lease and record the progress. Return False if this worker no longer holds the job."""
        step = {"step": progress.step, "progress": progress.fraction, "message": progress.message}
        return self._transition(heartbeat_at=time.time(), **step)

    def succeed(self, result_json: Mapping[str, Any]) -> bool:
        return self._transition(
            state=State.SUCCESS, finished_at=time.time(), progress=1.0, result_json=dict(result_json)
        )

    def fail(self, error: ChromiError) -> bool:
        return self._transition(
            state=State.FAILED,
            finished_at=time.time(),
            error_code=error.code,
            error_message=error.user_message.pattern,
            error_values=dict(error.user_message.values),
        )

    def release(self, *, count_attempt: bool = True) -> bool:
        """Put the job back into the queue.

        With `count_attempt=False`, the attempt is not counted because the clip did not cause it to end.
        """
        return self._transition(
            state=State.QUEUED,
            worker=None,
            started_at=None,
            step="",
            progress=0.0,
            message=RESTARTING,
            attempts=self.attempts - (0 if count_attempt else 1),
        )

    @classmethod
    def cancel(cls, job_id: str) -> bool:
        """Cancel a queued or running job. Its worker notices when it next renews the lease."""
        return bool(
            cls.update(state=State.CANCELLED, finished_at=time.time())
            .where(cls.id == job_id, cls.state.in_((State.QUEUED, State.IN_PROGRESS)))
            .execute()
        )

    def _transition(self, **changes: Any) -> bool:
        """Update the row if this attempt still holds the job."""
        return bool(
            Job.update(**changes)
            .where(
                Job.id == self.id,
                Job.state == State.IN_PROGRESS,
                Job.worker == self.worker,
                Job.attempts == self.attempts,
            )
            .execute()
        )

    # -- queries ---------------------------------------------------------------------------------------

    @classmethod
    def list_unfinished(cls, upload: Upload, *kinds: JobKind) -> list[Job]:
        """List an upload's waiting and running jobs of the given kinds, oldest first."""
        wanted = (cls.upload == upload, cls.kind.in_(kinds), cls.state.not_in(FINAL_STATES))
        return list(cls.select().where(*wanted).order_by(cls.created_at))

    @classmethod
    def find_newest_background(cls, upload: Upload) -> Job | None:
        """Return the job that made the newest background of a clip, or None if there is none."""
        wanted = (cls.upload == upload, cls.kind == JobKind.CONVERT, cls.state == State.SUCCESS)
        found: Job | None = cls.select().where(*wanted).order_by(cls.created_at.desc()).first()
        return found

    @classmethod
    def queued(cls, *conditions: Any) -> Any:
        """Select the waiting jobs that meet the conditions."""
        return cls.select().where(cls.state == State.QUEUED, *conditions)

    @classmethod
    def queue_length(cls, *conditions: Any) -> int:
        """Count the waiting jobs that meet the conditions."""
        return int(cls.queued(*conditions).count())

    @property
    def queue_position(self) -> int:
        """Number of queued jobs ahead of this one; 0 if it is next or not queued."""
        if self.state != State.QUEUED:
            return 0
        is_earlier = (Job.priority == self.priority) & (Job.created_at < self.created_at)
        return Job.queue_length((Job.priority > self.priority) | is_earlier)

    # -- derived values --------------------------------------------------------------------------------

    @property
    def options(self) -> ConversionOptions:
        return ConversionOptions.from_dict(self.options_json)

    @property
    def result(self) -> ConversionResult | None:
        """What a conversion produced, or None for other kinds and unfinished jobs."""
        found = (self.result_json or {}).get("result")
        return None if found is None else ConversionResult.from_dict(found)

    @property
    def size_estimates(self) -> dict[str, SizeEstimate] | None:
        """The expected GIF at each quality, or None until it is known."""
        found = (self.result_json or {}).get("estimate_details")
        return found and {quality: SizeEstimate(**values) for quality, values in found.items()}

    @property
    def loops(self) -> list[LoopWindow] | None:
        """The windows that loop best, or None until they are known."""
        found = (self.result_json or {}).get("loops")
        return None if found is None else [LoopWindow(**window) for window in found]

    @property
    def content_box(self) -> dict[str, float] | None:
        """The part of the frame within black bars, as in ContentBox, or None if there are none."""
        return (self.result_json or {}).get("content_box")

    @property
    def has_background(self) -> bool:
        """Return whether the GIF exists."""
        return self.state == State.SUCCESS and self.kind == JobKind.CONVERT

    @property
    def shrunk_options(self) -> ConversionOptions:
        """The options for the same background in half the bytes, or in LARGE_BYTES if that is smaller."""
        size_bytes = self.result.bytes if self.result else 0
        max_mb = min(size_bytes / 2, LARGE_BYTES) // 100_000 / 10
        return replace(self.options, max_mb=max(MIN_MB, max_mb))

    @property
    def is_large(self) -> bool:
        """Return whether the GIF is large enough to slow down every new tab."""
        return self.result is not None and self.result.bytes > LARGE_BYTES

    @property
    def error(self) -> Message | None:
        """Why the job failed, or None if it did not."""
        return Message(self.error_message, **(self.error_values or {})) if self.error_message else None

    @property
    def start_time(self) -> str:
        return format_timecode(self.options.start_s)

    @property
    def is_final(self) -> bool:
        return self.state in FINAL_STATES

    @property
    def shown_message(self) -> str:
        """The progress message, or RESTARTING while an interrupted job reads its clip again."""
        is_retry = self.state == State.IN_PROGRESS and self.attempts > 1
        return RESTARTING if is_retry and self.progress < READING_FRACTION else self.message

    @property
    def percent(self) -> int:
        """Progress in whole percent, 0 to 100; below 100 until the result exists."""
        return 100 if self.state == State.SUCCESS else min(99, int(self.progress * 100))

    @property
    def elapsed_s(self) -> float | None:
        """Seconds since the start, or from start to end if the job has ended; None before the start."""
        if self.started_at is None:
            return None
        return max(0.0, (self.finished_at or time.time()) - self.started_at)

    @property
    def eta_s(self) -> float | None:
        """Seconds left, extrapolated from the progress; None below 5%."""
        if self.state != State.IN_PROGRESS or self.elapsed_s is None or self.progress < 0.05:
            return None
        return self.elapsed_s * (1 - self.progress) / self.progress
