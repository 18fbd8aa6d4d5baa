"""Who may bring how much: limits for each address on the internet, and for all of them together.

The server looks before it reads a body; a view takes, when the request is good for something. Only the
latter counts: what was looked at may have gone to another meanwhile.
"""

from __future__ import annotations

import ipaddress
import shutil
from collections.abc import Iterable
from dataclasses import dataclass

from peewee import SQL, fn

from chromi.config import MB, Settings
from chromi.encoder.errors import DiskFull
from chromi.errors import QueueFull, TooMany, UploadsFull
from chromi.models import Job, JobKind, Limit, PartialUpload, State, Upload
from chromi.storage import MIN_FREE_BYTES, Storage
from chromi.tokens import TokenSigner

SHARE = 3
"""No address has more than one part in three of what there is for all."""
UNASKED = 1000
"""More than can wait of what was asked for."""


@dataclass(frozen=True)
class Claim:
    """Bytes that a client has promised to send: so much of the free disk is taken."""

    client: str | None
    bytes: int


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

    def look_at_upload(self, claim: Claim, others: Iterable[Claim], *, starts_job: bool) -> None:
        """Say whether an upload would be taken, changing nothing.

        `others` are the bodies that are coming. Raises QueueFull, DiskFull, UploadsFull or TooMany.
        """
        self._check_place(claim, others)
        self._check_kept(claim.client)
        for limit, taker, amount in self._upload_costs(claim):
            if wait_s := limit.wait_s(taker, amount):
                raise TooMany.until(wait_s)
        if starts_job:
            self.look_at_job(claim.client)

    def take_upload(self, address: str | None, size_bytes: int, *, is_partial: bool = False) -> str | None:
        """Take an upload in, and name its client. Raises as look_at_upload does.

        A partial one has to find room for all that is to come; any other is on disk already.
        """
        claim = Claim(self.client_of(address), size_bytes)
        if is_partial:
            self._check_place(claim, ())
        self._check_kept(claim.client)
        for cost in self._upload_costs(claim):
            _take(*cost)
        return claim.client

    def check_room(self, claim: Claim, others: Iterable[Claim]) -> None:
        """Raise TooMany for more than a client's share, or DiskFull if too little were left for conversions.

        A client that has claimed nothing else may have all there is: a small disk has room for one.
        """
        others = list(others)
        room_bytes = shutil.disk_usage(self.storage.uploads).free - MIN_FREE_BYTES
        own_bytes = sum(other.bytes for other in others if other.client == claim.client)
        if claim.client and own_bytes and (own_bytes + claim.bytes) * SHARE > room_bytes:
            raise TooMany.uploading()
        if sum(other.bytes for other in others) + claim.bytes > room_bytes:
            raise DiskFull

    def look_at_job(self, client: str | None) -> None:
        """Say whether a job would be taken; raises QueueFull, DiskFull or TooMany."""
        if self.storage.is_short_of_space():
            raise DiskFull
        waiting = Job.queue_length()
        if waiting >= self.settings.max_queue:
            raise QueueFull.behind(waiting)
        if client and Job.queue_length(client) >= max(1, self.settings.max_queue // SHARE):
            raise TooMany.waiting()
        self._check_kept(client)

    def take_job(self, address: str | None) -> str | None:
        """Let a job in, and name its client; raises as look_at_job does."""
        client = self.client_of(address)
        self.look_at_job(client)
        if client:
            _take(Limit("jobs", self.settings.jobs_per_hour), client, 1)
        return client

    def turn_of(self, client: str | None, kind: JobKind) -> int:
        """Give the priority of a new job: a client's second waiting one goes behind everybody's first.

        Estimates, which every open studio has made unasked, go behind all that somebody asked for.
        """
        is_unasked = kind == JobKind.ESTIMATE
        own = Job.select().where(Job.state == State.QUEUED, Job.client == client)
        ahead = own.where((Job.kind == JobKind.ESTIMATE) == is_unasked).count() if client else 0
        return -ahead - (UNASKED if is_unasked else 0)

    def _check_kept(self, client: str | None) -> None:
        """Raise TooMany when what is kept of the client's takes more than its share of what the disk can."""
        if client is None:
            return
        clips = Upload.select(fn.SUM(Upload.bytes)).where(Upload.client == client).scalar()
        made = Job.select(fn.SUM(SQL("json_extract(result_json, '$.bytes')"))).where(Job.client == client)
        kept_bytes = (clips or 0) + (made.scalar() or 0)
        if kept_bytes * SHARE > kept_bytes + shutil.disk_usage(self.storage.results).free:
            raise TooMany.keeping()

    def _check_place(self, claim: Claim, others: Iterable[Claim]) -> None:
        under_way = self._claims_under_way()
        if len(under_way) >= self.settings.max_uploads:
            raise UploadsFull
        own = sum(other.client == claim.client for other in under_way)
        if claim.client and own >= self.settings.max_uploads // SHARE:
            raise TooMany.uploading()
        self.check_room(claim, [*others, *under_way])

    def _claims_under_way(self) -> list[Claim]:
        """Say what is to come of the uploads in pieces; silent and slow ones may go on, but hold nothing."""
        here = [(partial, self._bytes_here(partial)) for partial in PartialUpload.lately_used()]
        return [
            Claim(partial.client, partial.length_bytes - here_bytes)
            for partial, here_bytes in here
            if partial.keeps_up(here_bytes)
        ]

    def _bytes_here(self, partial: PartialUpload) -> int:
        try:
            return self.storage.partial_path(partial.id).stat().st_size
        except FileNotFoundError:
            return partial.length_bytes  # completed or removed just now

    def _upload_costs(self, claim: Claim) -> list[tuple[Limit, str, float]]:
        """List what an upload uses up: of which limit, whose, and how much."""
        if claim.client is None:
            return []
        return [
            (Limit("uploads", self.settings.uploads_per_hour), claim.client, 1),
            (Limit("bytes", self.settings.mb_per_hour * MB), claim.client, claim.bytes),
        ]


def _take(limit: Limit, client: str, amount: float) -> None:
    if not limit.take(client, amount):
        raise TooMany.until(limit.wait_s(client, amount))
