"""Webhooks: requests that tell a client's server that its job or batch has ended."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Self

from peewee import CharField, DoubleField, IntegerField, TextField

from chromi.db.base import BaseModel
from chromi.db.clock import MAX_CLOCK_DIFFERENCE_S

RETRY_PAUSES_S = (5, 60, 300, 1800, 7200, 21_600, 50_400)
"""The pauses between attempts, in total 22.6 hours."""
MAX_ATTEMPT_S = 60
"""Longer than an attempt takes: 10 s for the request, 15 s to connect, and the time to resolve the name."""
MAX_WEBHOOK_ATTEMPTS = len(RETRY_PAUSES_S) + 1
MAX_DUE_S = 86_400
"""No worker sends a webhook that has been due for this long, for example because none has the secret."""


class Webhook(BaseModel):
    """A request that will be sent when a job or batch has ended, and again until the target accepts it.

    The row exists before its job or batch and is deleted when the target has accepted the request.
    """

    url = CharField()
    status_url = CharField()
    """The absolute URL of the job or batch, as the client addressed this service."""
    resource_id = CharField(index=True)
    """The id of the job or batch."""
    body = TextField(null=True)
    """The JSON to send; None until the job has ended."""
    attempts = IntegerField(default=0)
    next_attempt_at = DoubleField(null=True, index=True)

    @classmethod
    def list_waiting(cls) -> list[Self]:
        """List the webhooks whose job has not ended, as far as is known."""
        return list(cls.select().where(cls.next_attempt_at.is_null()))

    def schedule(self, body: str) -> None:
        """Store what to send, and make the first attempt due now."""
        Webhook.update(body=body, next_attempt_at=time.time()).where(
            Webhook.id == self.id, Webhook.next_attempt_at.is_null()
        ).execute()

    @classmethod
    def claim_due(cls) -> Iterator[Self]:
        """Yield webhooks that are due, and keep other workers from attempting them for MAX_ATTEMPT_S.

        An attempt that is interrupted is due again after that. Of the webhooks to one URL, only the one that
        has been due the longest is yielded. A time beyond the longest pause was set before the clock was set
        back, so it is also due; machines' clocks may differ.
        """
        now = time.time()
        latest = now + RETRY_PAUSES_S[-1] + MAX_CLOCK_DIFFERENCE_S
        due = cls.select().where(~cls.next_attempt_at.between(now, latest))
        claimed_urls = set()
        for webhook in list(due.order_by(cls.next_attempt_at)):
            if webhook.url in claimed_urls:
                continue
            claimed = (
                cls.update(attempts=cls.attempts + 1, next_attempt_at=time.time() + MAX_ATTEMPT_S)
                .where(cls.id == webhook.id, cls.attempts == webhook.attempts)
                .execute()
            )
            if claimed:
                claimed_urls.add(webhook.url)
                webhook.attempts += 1
                yield webhook

    def postpone(self) -> None:
        """Schedule the next attempt after this one has failed."""
        pause_s = RETRY_PAUSES_S[self.attempts - 1]
        Webhook.update(next_attempt_at=time.time() + pause_s).where(
            Webhook.id == self.id, Webhook.attempts == self.attempts
        ).execute()

    @classmethod
    def delete_unsent(cls) -> int:
        """Delete webhooks that have been due for a day, and return their number."""
        return int(cls.delete().where(cls.next_attempt_at < time.time() - MAX_DUE_S).execute())

    @classmethod
    def disable(cls, url: str) -> int:
        """Delete all webhooks to this URL, and return their number."""
        return int(cls.delete().where(cls.url == url).execute())
