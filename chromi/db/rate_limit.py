"""How much somebody may have or try within a time, kept through restarts."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from peewee import DoubleField, fn

from chromi.db.base import BaseModel

HOUR_S = 3600.0


class RateLimitUsage(BaseModel):
    """How much of one limit somebody has used up, as the moment when none of it will be."""

    free_at = DoubleField(index=True)
    """Seconds since 1970; a moment that has passed says that nothing is used up."""

    @classmethod
    def delete_expired(cls) -> int:
        """Remove the rows that say nothing any more."""
        count: int = cls.delete().where(cls.free_at < time.time()).execute()
        return count


@dataclass(frozen=True)
class RateLimit:
    """`amount` in `window_s` seconds for each of those it is kept for, such as an address or a link.

    The generic cell rate algorithm: all of it may be taken at once, and comes back evenly. One number for
    each limit and taker, moved by one conditional statement.
    """

    name: str
    amount: float
    window_s: float = HOUR_S

    def take(self, taker: str, amount: float = 1) -> bool:
        """Use up so much of the taker's; False when that much is not left."""
        now = time.time()
        cost_s = self._cost_s(amount)
        then = self._free_at(now) + cost_s
        taken = (
            RateLimitUsage.insert(id=self._key(taker), created_at=now, free_at=now + cost_s)
            .on_conflict(
                conflict_target=[RateLimitUsage.id],
                update={RateLimitUsage.free_at: then},
                where=(then <= now + self.window_s),
            )
            .as_rowcount()
            .execute()
        )
        return bool(taken)

    def wait_s(self, taker: str, amount: float = 1) -> float:
        """Seconds until so much could be taken; 0 when it can be now."""
        now = time.time()
        found = (
            RateLimitUsage.select(self._free_at(now)).where(RateLimitUsage.id == self._key(taker)).scalar()
            or now
        )
        return float(max(0.0, found + self._cost_s(amount) - now - self.window_s))

    def charge(self, taker: str, amount: float) -> None:
        """Use up so much of the taker's whether it is left or not; a negative amount gives it back."""
        now = time.time()
        cost_s = self._cost_s(amount)
        RateLimitUsage.insert(
            id=self._key(taker), created_at=now, free_at=now + min(cost_s, self.window_s)
        ).on_conflict(
            conflict_target=[RateLimitUsage.id],
            update={RateLimitUsage.free_at: fn.MIN(self._free_at(now) + cost_s, now + self.window_s)},
        ).execute()

    def give_back(self, taker: str) -> None:
        """Let the taker have all of it again."""
        RateLimitUsage.delete().where(RateLimitUsage.id == self._key(taker)).execute()

    def _key(self, taker: str) -> str:
        return f"{self.name} {taker}"

    def _cost_s(self, amount: float) -> float:
        return amount / self.amount * self.window_s

    def _free_at(self, now: float) -> Any:
        """Within the window from now, also after the clock was set back."""
        return fn.MIN(fn.MAX(RateLimitUsage.free_at, now), now + self.window_s)
