"""A fake worker for `huey_consumer` whose cleanup runs every second instead of every minute."""

from huey.consumer import Scheduler

from tests.support.fake_worker import huey

Scheduler.periodic_task_seconds = 1

__all__ = ["huey"]
