"""The rows, and the only transitions between their states.

    queued -> in_progress -> success | failed | cancelled        queued -> cancelled

Nothing leaves a final state. Every transition is one conditional UPDATE, and its row count says who won:
two workers, a cancel and a finish, or two downloads may meet here and exactly one goes through.
Times are seconds since 1970, UTC.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from peewee import (
    BooleanField,
    CharField,
    DoubleField,
    ForeignKeyField,
    IntegerField,
    JSONField,
    Model,
    SqliteDatabase,
)

from chromi.encoder import Progress, Recipe, Result, VideoInfo, format_timecode
from chromi.errors import ChromiError, LinkUsedUp, NotFound
from chromi.storage import new_id

MAX_ATTEMPTS = 2
"""A job whose worker died is tried once more and then fails: a clip that kills workers must not go on."""

WORKER_SILENCE_S = 30
"""A worker says every 5 s that it is alive; silent for this long, it counts as dead."""

database = SqliteDatabase(None)


def open_database(instance: Path) -> None:
    """Name the database file and make its tables where they are missing.

    WAL lets pages be read while a job writes; FULL means that a committed row survives a power cut.
    """
    instance.mkdir(parents=True, exist_ok=True)
    database.init(
        str(instance / "chromi.db"),
        pragmas={"journal_mode": "wal", "synchronous": "full", "foreign_keys": 1},
        timeout=5,
    )
    with database.connection_context():
        database.create_tables([Upload, Job, Link, Worker])


class State(StrEnum):
    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINAL_STATES = (State.SUCCESS, State.FAILED, State.CANCELLED)


class Row(Model):
    """A row with an id that cannot be guessed."""

    id = CharField(primary_key=True, default=new_id)
    created_at = DoubleField(default=time.time)

    class Meta:
        database = database

    @classmethod
    def find(cls, row_id: str) -> Self:
        """Give the row; raises NotFound."""
        row: Self | None = cls.get_or_none(cls.id == row_id)
        if row is None:
            raise NotFound
        return row


class Upload(Row):
    """A clip as it was sent; its file lies in the uploads folder under the same id."""

    used_at = DoubleField(default=time.time, index=True)
    jobs: Any
    bytes = IntegerField()
    info_json = JSONField()
    one_shot = BooleanField(default=False)
    """Sent by POST /convert/: nothing can need it once its job is final."""

    @property
    def info(self) -> VideoInfo:
        return VideoInfo.from_dict(self.info_json)

    def touch(self) -> None:
        """Note that somebody used it: its time to live starts again."""
        Upload.update(used_at=time.time()).where(Upload.id == self.id).execute()


class Job(Row):
    """One conversion. The row is the truth; the queue carries only its id."""

    upload = ForeignKeyField(Upload, null=True, backref="jobs", on_delete="SET NULL")
    upload_id: str | None
    links: Any
    recipe_json = JSONField()
    state = CharField(default=State.QUEUED, index=True)
    step = CharField(default="")
    progress = DoubleField(default=0.0)
    message = CharField(default="")
    error_code = CharField(null=True)
    error_message = CharField(null=True)
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
                progress=0.0,
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

    def succeed(self, result: Result) -> bool:
        return self._move(
            state=State.SUCCESS, finished_at=time.time(), progress=1.0, result_json=result.to_dict()
        )

    def fail(self, error: ChromiError) -> bool:
        return self._move(
            state=State.FAILED,
            finished_at=time.time(),
            error_code=error.code,
            error_message=error.user_message,
        )

    def release(self, *, uncounted: bool = False) -> bool:
        """Put the job back in the queue; `uncounted` when the attempt was not the clip's fault."""
        return self._move(
            state=State.QUEUED, worker=None, progress=0.0, attempts=self.attempts - (1 if uncounted else 0)
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
    def recipe(self) -> Recipe:
        return Recipe.from_dict(self.recipe_json)

    @property
    def result(self) -> Result | None:
        return Result.from_dict(self.result_json) if self.result_json else None

    @property
    def start_time(self) -> str:
        return format_timecode(self.recipe.start_s)

    @property
    def is_final(self) -> bool:
        return self.state in FINAL_STATES

    @property
    def percent(self) -> int:
        """Whole percent, 0 to 100, rounded down: 100 means done."""
        return int(self.progress * 100)

    @property
    def queue_position(self) -> int:
        """How many queued jobs are before this one; 0 when it is the next, or not queued."""
        if self.state != State.QUEUED:
            return 0
        count: int = Job.select().where(Job.state == State.QUEUED, Job.created_at < self.created_at).count()
        return count

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


class Link(Row):
    """A way to a job's result: valid until it expires, or until it has been used `max_uses` times."""

    job = ForeignKeyField(Job, backref="links", on_delete="CASCADE")
    job_id: str
    expires_at = DoubleField(index=True)
    max_uses = IntegerField(null=True)
    uses = IntegerField(default=0)
    delivering = IntegerField(default=0)
    """Counted downloads under way: they hold a use until they end, complete or not."""
    shared = BooleanField(default=True)
    """False for the link that the result page itself uses."""

    @classmethod
    def live(cls) -> Any:
        """The condition under which a link still needs its file."""
        return (cls.expires_at > time.time()) & (cls.max_uses.is_null() | (cls.uses < cls.max_uses))

    @property
    def one_time(self) -> bool:
        return self.max_uses == 1

    @property
    def is_used_up(self) -> bool:
        return self.max_uses is not None and self.uses >= self.max_uses

    @property
    def is_live(self) -> bool:
        return self.expires_at > time.time() and not self.is_used_up

    @property
    def expiry(self) -> datetime:
        return datetime.fromtimestamp(self.expires_at, UTC)

    def extend_to(self, expires_at: float) -> None:
        """Let it live at least until then."""
        Link.update(expires_at=expires_at).where(Link.id == self.id, Link.expires_at < expires_at).execute()

    def begin_delivery(self) -> bool:
        """Hold one use for a download that starts; False when none is free at this moment."""
        return bool(
            Link.update(delivering=Link.delivering + 1)
            .where(
                Link.id == self.id,
                Link.max_uses.is_null() | (Link.uses + Link.delivering < Link.max_uses),
            )
            .execute()
        )

    def end_delivery(self, *, complete: bool) -> None:
        """Let go of the use, and count it when the last byte was sent."""
        Link.update(delivering=Link.delivering - 1, uses=Link.uses + int(complete)).where(
            Link.id == self.id, Link.delivering > 0
        ).execute()

    @classmethod
    def forget_deliveries(cls) -> None:
        """At the web server's start no download can be under way."""
        cls.update(delivering=0).where(cls.delivering > 0).execute()

    def require_unused(self) -> None:
        """Raise LinkUsedUp when all uses are gone."""
        if self.is_used_up:
            raise LinkUsedUp


class Worker(Row):
    """A live consumer process; it says so every few seconds."""

    seen_at = DoubleField(default=time.time)

    @classmethod
    def beat(cls, worker_id: str) -> None:
        now = time.time()
        cls.insert(id=worker_id, created_at=now, seen_at=now).on_conflict(
            conflict_target=[cls.id], update={cls.seen_at: now}
        ).execute()

    @classmethod
    def is_any_alive(cls) -> bool:
        """True when some worker has given a sign of life lately."""
        return bool(cls.select().where(cls.seen_at > time.time() - WORKER_SILENCE_S).exists())
