"""A fake worker for `huey_consumer` that also sends webhooks to this machine, where the tests listen."""

from chromi.jobs import webhook_delivery, webhook_request
from tests.support.fake_worker import huey

webhook_request.is_public = lambda address: True
webhook_delivery.POLL_INTERVAL_S = 0.1

__all__ = ["huey"]
