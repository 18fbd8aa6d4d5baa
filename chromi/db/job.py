"""Conversions, and what the studio wants to know of a clip before one, from queued to their end."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any

from peewee import CharField, DoubleField, ForeignKeyField, IntegerField, JSONField

from chromi.db.base import BaseModel
from chromi.db.upload import Upload
from chromi.encoder import ConversionOptions, ConversionResult, LoopWindow, Progress, format_timecode
from chromi.encoder.options import MIN_MB
from chromi.errors import ChromiError
from chromi.i18n import Message

MAX_ATTEMPTS = 2
"""A job whose worker died is tried once more and then fails: a clip that kills workers must not go on."""

RESTARTING = Message("This was interrupted. Starting again.")
READ_SHARE = 0.2
"""The share of a conversion's progress that reading the clip is, about."""

LARGE_BYTES = 20_000_000
"""Chrome holds the file and its decoded pictures for each new tab: 35 MB took 528 MB and half a core."""


class JobKind(StrEnum):
    CONVERT = "convert"
    ESTIMATE = "estimate"
    LOOPS = "loops"  # which windows of the clip loop best
    PREVIEW = "preview"  # a copy of the clip that browsers play


class State(StrEnum):
    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINAL_STATES = (State.SUCCESS, State.FAILED, State.CANCELLED)


class Job(BaseModel):
    """One piece of work on a clip. The row is the truth; the queue carries only its id."""

    upload = ForeignKeyField(Upload, null=True, backref="jobs", on_delete="SET NULL")
    upload_id: str | None
    links: Any
    kind = CharField(default=JobKind.CONVERT)
    client = CharField(null=True, index=True)
    """Who asked for it, as a name that tells no address; None for the own machine and network."""
    priority = IntegerField(default=0)
    """Of those that wait the highest goes first, and of these the oldest; see AdmissionControl.turn_of."""
    options_json = JSONField()
    state = CharField(default=State.QUEUED, index=True)
    step = CharField(default="")
    progress = DoubleField(default=0.0)
    message = CharField(default="")
    error_code = CharField(null=True)
    error_message = CharField(null=True)
    """The pattern of the error's sentence."""
    error_values = JSONField(null=True)
    result_json = JSONField(null=True)
    worker = CharField(null=True)
    heartbeat_at = DoubleField(null=True)
    attempts = IntegerField(default=0)
    started_at = DoubleField(null=True)
    finished_at = DoubleField(null=True)

    # -- transitions ---------------------------------------------------------------------------------

    @classmethod
    def claim(cls, job_id: str, worker: str) -> Job | None:
        """Take a queued job for this worker; None when it is not queued (any more)."""
        now = time.time()
        taken = (
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
        return cls.find(job_id) if taken else None

    def report(self, progress: Progress) -> bool:
        """Renew the lease and write the progress; False when the job is not this worker's any more."""
        return self._move(
            heartbeat_at=time.time(),
            step=progress.step,
            progress=progress.fraction,
            message=progress.message,
        )

    def succeed(self, result: ConversionResult) -> bool:
        return self._succeed(result.to_dict())

    def succeed_estimating(self, estimates: Mapping[str, int]) -> bool:
        """End an estimate with the bytes to expect of each quality."""
        return self._succeed({"estimates": dict(estimates)})

    def succeed_finding(self, loops: Sequence[LoopWindow]) -> bool:
        """End a search with the windows found, the best first."""
        return self._succeed({"loops": [window.to_dict() for window in loops]})

    def succeed_previewing(self) -> bool:
        """End the making of a preview, whose file lies beside the upload."""
        return self._succeed({})

    def _succeed(self, result_json: dict[str, Any]) -> bool:
        return self._move(state=State.SUCCESS, finished_at=time.time(), progress=1.0, result_json=result_json)

    def fail(self, error: ChromiError) -> bool:
        return self._move(
            state=State.FAILED,
            finished_at=time.time(),
            error_code=error.code,
            error_message=error.user_message.pattern,
            error_values=dict(error.user_message.values),
        )

    def release(self, *, uncounted: bool = False) -> bool:
        """Put the job back in the queue, which its page says until the next attempt reports something.

        `uncounted` when the attempt was not the clip's fault.
        """
        return self._move(
            state=State.QUEUED,
            worker=None,
            started_at=None,
            step="",
            progress=0.0,
            message=RESTARTING,
            attempts=self.attempts - (1 if uncounted else 0),
        )

    @classmethod
    def cancel(cls, job_id: str) -> bool:
        """Cancel a queued or running job; its worker notices when it next renews the lease."""
        return bool(
            cls.update(state=State.CANCELLED, finished_at=time.time())
            .where(cls.id == job_id, cls.state.in_((State.QUEUED, State.IN_PROGRESS)))
            .execute()
        )

    def _move(self, **changes: Any) -> bool:
        """Change the row if this very attempt still holds the job."""
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

    # -- what a page asks ----------------------------------------------------------------------------

    @property
    def options(self) -> ConversionOptions:
        return ConversionOptions.from_dict(self.options_json)

    @property
    def result(self) -> ConversionResult | None:
        """What a conversion made; no other kind makes a background."""
        if self.kind != JobKind.CONVERT or not self.result_json:
            return None
        return ConversionResult.from_dict(self.result_json)

    @property
    def estimates(self) -> dict[str, int] | None:
        """The bytes to expect of each quality; None before they are known."""
        return (self.result_json or {}).get("estimates") or None

    @property
    def loops(self) -> list[LoopWindow] | None:
        """The windows that loop best; None before they are known."""
        found = (self.result_json or {}).get("loops")
        return None if found is None else [LoopWindow(**window) for window in found]

    @property
    def has_background(self) -> bool:
        """True once there is a GIF."""
        return self.state == State.SUCCESS and self.kind == JobKind.CONVERT

    @property
    def shrunk_options(self) -> ConversionOptions:
        """The same background in half the bytes, or in as many as Chrome carries lightly."""
        size_bytes = self.result.bytes if self.result else 0
        max_mb = min(size_bytes / 2, LARGE_BYTES) // 100_000 / 10
        return replace(self.options, max_mb=max(MIN_MB, max_mb))

    @property
    def is_large(self) -> bool:
        """True if Chrome would feel the GIF in every new tab."""
        return self.result is not None and self.result.bytes > LARGE_BYTES

    @property
    def error(self) -> Message | None:
        """Why it failed; None of a job that has not, or that an older version did not ask."""
        return Message(self.error_message, **(self.error_values or {})) if self.error_message else None

    @property
    def start_time(self) -> str:
        return format_timecode(self.options.start_s)

    @property
    def is_final(self) -> bool:
        return self.state in FINAL_STATES

    @property
    def shown_message(self) -> str:
        """What the job does; of an interrupted one, that it starts again, until its clip is read."""
        is_read_again = self.state == State.IN_PROGRESS and self.attempts > 1 and self.progress < READ_SHARE
        return RESTARTING if is_read_again else self.message

    @property
    def percent(self) -> int:
        """Whole percent, 0 to 100, rounded down: 100 means done."""
        return int(self.progress * 100)

    @property
    def queue_position(self) -> int:
        """How many queued jobs are before this one; 0 when it is the next, or not queued."""
        if self.state != State.QUEUED:
            return 0
        is_earlier = (Job.priority == self.priority) & (Job.created_at < self.created_at)
        is_ahead = (Job.priority > self.priority) | is_earlier
        return int(Job.select().where(Job.state == State.QUEUED, is_ahead).count())

    @classmethod
    def queue_length(cls, *conditions: Any) -> int:
        """How many jobs wait for a worker, all or those for which the conditions hold."""
        return int(cls.select().where(cls.state == State.QUEUED, *conditions).count())

    @property
    def elapsed_s(self) -> float | None:
        """Seconds of work so far, or in all; None before it has started."""
        if self.started_at is None:
            return None
        return max(0.0, (self.finished_at or time.time()) - self.started_at)

    @property
    def eta_s(self) -> float | None:
        """Seconds left, told from the share that is done; None before there is enough to tell from."""
        if self.state != State.IN_PROGRESS or self.elapsed_s is None or self.progress < 0.05:
            return None
        return self.elapsed_s * (1 - self.progress) / self.progress
