"""Hourly quotas, counted per client and for each network around it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from chromi.client_networks import networks_of
from chromi.config import MB, Settings
from chromi.db import RateLimit
from chromi.errors import RateLimited

UPLOADS, BYTES, JOBS = "uploads", "bytes", "jobs"

PROBE_S_PER_UPLOAD = 2.0
"""ffmpeg probes an ordinary clip in 0.1 to 1 s. A malicious one may use the full timeout of 20 s."""


@dataclass(frozen=True)
class Quota:
    """An hourly amount per client. Local clients, whose name is None, have no limit."""

    name: str
    amount: float

    def check(self, client: str | None, amount: float = 1) -> None:
        """Raise RateLimited if `amount` is not available now."""
        for limit, network in self._limits(client):
            if wait_s := limit.wait_s(network, amount):
                raise RateLimited.hourly_quota(wait_s)

    def acquire(self, client: str | None, amount: float = 1) -> None:
        """Use up `amount`. If it is not available, raise RateLimited and use up nothing."""
        acquired: list[tuple[RateLimit, str]] = []
        for limit, network in self._limits(client):
            if not limit.acquire(network, amount):
                for earlier, wider_network in acquired:
                    earlier.charge(wider_network, -amount)
                raise RateLimited.hourly_quota(limit.wait_s(network, amount))
            acquired.append((limit, network))

    def charge(self, client: str | None, amount: float) -> None:
        """Use up `amount` even if less is available. A negative amount is a refund."""
        for limit, network in self._limits(client):
            limit.charge(network, amount)

    def availability(self, client: str) -> tuple[int, int]:
        """Return the amount left, rounded down, and the seconds until the whole amount is available again.

        Both are those of the network around the client with the least left.
        """
        left, full_in_s = min(limit.availability(network) for limit, network in self._limits(client))
        return int(min(left, self.amount)), math.ceil(full_in_s)

    def _limits(self, client: str | None) -> Iterator[tuple[RateLimit, str]]:
        for network in networks_of(client):
            yield RateLimit(self.name, self.amount * network.weight), network.name


def upload_quota(settings: Settings) -> Quota:
    return Quota(UPLOADS, settings.uploads_per_hour)


def byte_quota(settings: Settings) -> Quota:
    return Quota(BYTES, settings.upload_mb_per_hour * MB)


def job_quota(settings: Settings) -> Quota:
    return Quota(JOBS, settings.jobs_per_hour)


def published_quotas(settings: Settings) -> dict[str, Quota]:
    """Return the quotas that clients are told about, by name."""
    quotas = (upload_quota(settings), byte_quota(settings), job_quota(settings))
    return {quota.name: quota for quota in quotas}


def probe_quota(settings: Settings) -> Quota:
    """Return the quota for the seconds that ffmpeg may spend probing a client's uploads."""
    return Quota("probe seconds", settings.uploads_per_hour * PROBE_S_PER_UPLOAD)
