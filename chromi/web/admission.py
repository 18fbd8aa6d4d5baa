"""Who may bring how much: limits for each address on the internet, and for all of them together.

The server looks before it reads a body; a view takes, when the request is good for something. Only the
latter counts: what was looked at may have gone to another meanwhile.
"""

from __future__ import annotations

import ipaddress
import shutil
from dataclasses import dataclass

from chromi.config import MB, Settings
from chromi.encoder.errors import DiskFull
from chromi.errors import QueueFull, TooMany, UploadsFull
from chromi.models import Job, Limit, PartialUpload
from chromi.storage import MIN_FREE_BYTES, Storage
from chromi.tokens import TokenSigner

SHARE = 3
"""No address has more than one part in three of what there is for all."""


def owner_of(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | str:
    """Tell whose an address is: whoever has one of IPv6 has a whole /64 of them. Other texts stay."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        return ip.ipv4_mapped or ipaddress.ip_network((int(ip) >> 64 << 64, 64)).network_address
    return ip


@dataclass(frozen=True)
class Admission:
    """The limits; `address` is the client's, as a trusted proxy names it."""

    settings: Settings
    storage: Storage
    signer: TokenSigner

    def client_of(self, address: str | None) -> str | None:
        """Name a client without telling its address; None for the own machine and network: no stranger."""
        owner = owner_of(address or "")
        is_near = not isinstance(owner, str) and owner.is_private
        return None if is_near else self.signer.pseudonym(str(owner))

    def look_at_upload(self, address: str, size_bytes: int, *, coming_bytes: int, starts_job: bool) -> None:
        """Say whether an upload would be taken, changing nothing.

        `coming_bytes` is what others are sending and have not on disk yet. Raises QueueFull, DiskFull,
        UploadsFull or TooMany.
        """
        client = self.client_of(address)
        self._check_room(client, size_bytes + coming_bytes)
        for limit, taker, amount in self._upload_costs(client, size_bytes):
            if wait_s := limit.wait_s(taker, amount):
                raise TooMany.until(wait_s)
        if starts_job:
            self.look_at_job(client)

    def take_upload(self, address: str | None, size_bytes: int, *, is_partial: bool = False) -> str | None:
        """Take an upload in, and name its client. Raises as look_at_upload does.

        A partial one has to find room for all that is to come; any other is on disk already.
        """
        client = self.client_of(address)
        if is_partial:
            self._check_room(client, size_bytes)
        for cost in self._upload_costs(client, size_bytes):
            _take(*cost)
        return client

    def look_at_job(self, client: str | None) -> None:
        """Say whether a job would be taken; raises QueueFull or TooMany."""
        waiting = Job.queue_length()
        if waiting >= self.settings.max_queue:
            raise QueueFull.behind(waiting)
        if client and Job.queue_length(client) >= max(1, self.settings.max_queue // SHARE):
            raise TooMany.waiting()

    def take_job(self, address: str | None) -> str | None:
        """Let a job in, and name its client; raises QueueFull or TooMany."""
        client = self.client_of(address)
        self.look_at_job(client)
        if client:
            _take(Limit("jobs", self.settings.jobs_per_hour), client, 1)
        return client

    def check_disk(self, coming_bytes: int) -> None:
        """Raise DiskFull if there would not be enough left for conversions."""
        if shutil.disk_usage(self.storage.uploads).free - coming_bytes < MIN_FREE_BYTES:
            raise DiskFull

    def _check_room(self, client: str | None, coming_bytes: int) -> None:
        under_way = PartialUpload.under_way()
        if len(under_way) >= self.settings.max_uploads:
            raise UploadsFull
        own = sum(partial.client == client for partial in under_way)
        if client and own >= self.settings.max_uploads // SHARE:
            raise TooMany.uploading()
        self.check_disk(coming_bytes + sum(self._missing_bytes(partial) for partial in under_way))

    def _missing_bytes(self, partial: PartialUpload) -> int:
        try:
            return partial.length_bytes - self.storage.partial_path(partial.id).stat().st_size
        except FileNotFoundError:
            return 0  # completed or removed just now

    def _upload_costs(self, client: str | None, size_bytes: int) -> list[tuple[Limit, str, float]]:
        """List what an upload uses up: of which limit, whose, and how much."""
        if client is None:
            return []
        return [
            (Limit("uploads", self.settings.uploads_per_hour), client, 1),
            (Limit("bytes", self.settings.mb_per_hour * MB), client, size_bytes),
        ]


def _take(limit: Limit, client: str, amount: float) -> None:
    if not limit.take(client, amount):
        raise TooMany.until(limit.wait_s(client, amount))
