"""What a client may use up within an hour, counted for its address and for each network around it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from chromi.client_networks import networks_of
from chromi.config import MB, Settings
from chromi.db import RateLimit
from chromi.errors import RateLimited

PROBE_S_PER_UPLOAD = 2.0
"""ffmpeg takes 0.1 to 1 s for an ordinary clip; a hostile one may take all of its 20 s."""


@dataclass(frozen=True)
class Quota:
    """So much of something within an hour; nobody counts where the client is None."""

    name: str
    amount: float

    def check(self, client: str | None, amount: float = 1) -> None:
        """Raise RateLimited if so much could not be taken now."""
        for limit, network in self._limits(client):
            if wait_s := limit.wait_s(network, amount):
                raise RateLimited.until(wait_s)

    def take(self, client: str | None, amount: float = 1) -> None:
        """Use up so much; raises RateLimited, and then nothing is taken."""
        taken: list[tuple[RateLimit, str]] = []
        for limit, network in self._limits(client):
            if not limit.take(network, amount):
                for earlier, wider_network in taken:
                    earlier.charge(wider_network, -amount)
                raise RateLimited.until(limit.wait_s(network, amount))
            taken.append((limit, network))

    def charge(self, client: str | None, amount: float) -> None:
        """Use up so much whether it is left or not; a negative amount gives it back."""
        for limit, network in self._limits(client):
            limit.charge(network, amount)

    def _limits(self, client: str | None) -> Iterator[tuple[RateLimit, str]]:
        for network in networks_of(client):
            yield RateLimit(self.name, self.amount * network.weight), network.name


def upload_quota(settings: Settings) -> Quota:
    return Quota("uploads", settings.uploads_per_hour)


def byte_quota(settings: Settings) -> Quota:
    return Quota("bytes", settings.upload_mb_per_hour * MB)


def job_quota(settings: Settings) -> Quota:
    return Quota("jobs", settings.jobs_per_hour)


def probe_quota(settings: Settings) -> Quota:
    """Seconds that ffmpeg looks at a client's uploads."""
    return Quota("probe seconds", settings.uploads_per_hour * PROBE_S_PER_UPLOAD)
