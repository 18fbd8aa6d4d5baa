"""Rate limits that survive restarts."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from peewee import DoubleField

from chromi.db.base import BaseModel
from chromi.db.connection import database

HOUR_S = 3600.0


class RateLimitUsage(BaseModel):
    """A subject's usage of a limit, stored as the time when the full amount will be available again."""

    free_at = DoubleField(index=True)
    """Seconds since 1970. A time in the past means that nothing is used."""

    class Meta:
        table_name = "rate_limit_usage"

    @classmethod
    def delete_expired(cls) -> int:
        """Delete rows that no longer limit anything, and return their number."""
        count: int = cls.delete().where(cls.free_at < time.time()).execute()
        return count


@dataclass(frozen=True)
class RateLimit:
    """Allows `amount` per `window_s` seconds to each subject, such as an address or a link.

    Uses the generic cell rate algorithm: the whole amount may be used at once and becomes available again at
    a constant rate. The state is one number per limit and subject, changed by one conditional statement.
    """

    name: str
    amount: float
    window_s: float = HOUR_S

    def acquire(self, subject: str, amount: float = 1) -> bool:
        """Use up `amount`. If less is left, return False and use up nothing."""
        now = time.time()
        cost_s = self._cost_s(amount)
        new_free_at = self._free_at(now) + cost_s
        acquired = (
            RateLimitUsage.insert(id=self._key(subject), created_at=now, free_at=now + cost_s)
            .on_conflict(
                conflict_target=[RateLimitUsage.id],
                update={RateLimitUsage.free_at: new_free_at},
                where=(new_free_at <= now + self.window_s),
            )
            .as_rowcount()
            .execute()
        )
        return bool(acquired)

    def wait_s(self, subject: str, amount: float = 1) -> float:
        """Return the seconds until `amount` is available, or 0 if it is available now."""
        now = time.time()
        usage = RateLimitUsage.select(self._free_at(now)).where(RateLimitUsage.id == self._key(subject))
        free_at = usage.scalar() or now
        return float(max(0.0, free_at + self._cost_s(amount) - now - self.window_s))

    def availability(self, subject: str) -> tuple[float, float]:
        """Return the amount left and the seconds until the whole amount is available again."""
        full_in_s = self.wait_s(subject, self.amount)
        return self.amount * (1 - full_in_s / self.window_s), full_in_s

    def charge(self, subject: str, amount: float) -> None:
        """Use up `amount` even if less is left. A negative amount is a refund."""
        now = time.time()
        cost_s = self._cost_s(amount)
        RateLimitUsage.insert(
            id=self._key(subject), created_at=now, free_at=now + min(cost_s, self.window_s)
        ).on_conflict(
            conflict_target=[RateLimitUsage.id],
            update={RateLimitUsage.free_at: database.least(self._free_at(now) + cost_s, now + self.window_s)},
        ).execute()

    def reset(self, subject: str) -> None:
        """Make the whole amount available again."""
        RateLimitUsage.delete().where(RateLimitUsage.id == self._key(subject)).execute()

    def _key(self, subject: str) -> str:
        return f"{self.name} {subject}"

    def _cost_s(self, amount: float) -> float:
        return amount / self.amount * self.window_s

    def _free_at(self, now: float) -> Any:
        """Clamp the stored time to the window that starts now, because the clock may have been set back."""
        return database.least(database.greatest(RateLimitUsage.free_at, now), now + self.window_s)
