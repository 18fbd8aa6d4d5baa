"""Batches: conversions that one request started."""

from __future__ import annotations

from chromi.db.base import BaseModel
from chromi.db.job import FINAL_STATES, Job, State


class Batch(BaseModel):
    """Conversions that one request started. Its state is that of its jobs."""

    @property
    def state(self) -> State:
        """The state of all jobs together; final once all have ended, and then `success` if all succeeded."""
        states = {State(job.state) for job in self.list_jobs()}
        if not states <= set(FINAL_STATES):
            return State.QUEUED if states == {State.QUEUED} else State.IN_PROGRESS
        return next((state for state in (State.FAILED, State.CANCELLED) if state in states), State.SUCCESS)

    @property
    def is_final(self) -> bool:
        return self.state in FINAL_STATES

    def list_jobs(self) -> list[Job]:
        """List the jobs in the order of the request."""
        return list(Job.select().where(Job.batch_id == self.id).order_by(Job.batch_position))

    @classmethod
    def delete_empty(cls) -> int:
        """Delete the batches whose jobs have all been deleted, and return their number."""
        used = Job.select(Job.batch_id).where(Job.batch_id.is_null(False))
        return int(cls.delete().where(cls.id.not_in(used)).execute())
