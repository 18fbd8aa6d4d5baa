"""Who may bring how much: limits for each address on the internet, and for all of them together.

The server looks before it reads a body; a view takes, when the request is good for something. Only the
latter counts: what was looked at may have gone to another meanwhile.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

from peewee import SQL, fn

from chromi.admission.quota import byte_quota, job_quota, probe_quota, upload_quota
from chromi.client_networks import Network, is_local, labels_of, networks_of
from chromi.config import Settings
from chromi.db import Job, JobKind, PartialUpload, Upload, database, in_network
from chromi.encoder.encoder_errors import DiskFull
from chromi.errors import QueueFull, RateLimited, UploadsFull
from chromi.storage import MIN_FREE_BYTES, Storage
from chromi.tokens import TokenSigner

SHARE = 3
"""No address has more than one part in three of what there is for all; see `clients.WEIGHTS` for networks."""
NEWCOMER_FACTOR = 10
"""A client that has nothing there is let in beyond a limit for all, up to so many times as much: a few who
take their shares lock nobody out, and a crowd of addresses fills neither memory nor tables."""
UNASKED = 1000
"""More than can wait of what was asked for."""
LEAST_PROBE_S = 1.0
"""What is left of a client's seconds before ffmpeg looks at anything of it."""


@dataclass(frozen=True)
class Reservation:
    """Bytes that a client has promised to send: so much of the free disk is taken."""

    client: str | None
    bytes: int


@dataclass(frozen=True)
class AdmissionControl:
    """The limits; `address` is the client's, as a trusted proxy names it."""

    settings: Settings
    storage: Storage
    signer: TokenSigner

    def client_of(self, address: str | None) -> str | None:
        """Name a client without telling its address; None for the own machine and network: no stranger."""
        if is_local(address or ""):
            return None
        return ".".join(self.signer.pseudonym(label) for label in labels_of(address or ""))

    # -- uploads ---------------------------------------------------------------------------------------

    def look_at_upload(self, claim: Reservation, others: Iterable[Reservation], *, starts_job: bool) -> None:
        """Say whether an upload would be taken, changing nothing.

        `others` are the bodies that are coming. Raises QueueFull, DiskFull, UploadsFull or RateLimited.
        """
        self.check_place(claim, others)
        self._check_used(claim)
        if starts_job:
            self.look_at_job(claim.client, JobKind.CONVERT)

    def take_upload(self, address: str | None, size_bytes: int, *, is_partial: bool = False) -> str | None:
        """Take an upload in, and name its client. Raises as look_at_upload does.

        A partial one has to find room for all that is to come; any other is on disk already.
        """
        claim = Reservation(self.client_of(address), size_bytes)
        if is_partial:
            self.check_place(claim, ())
        self._check_used(claim)
        upload_quota(self.settings).take(claim.client)
        byte_quota(self.settings).take(claim.client, claim.bytes)
        return claim.client

    def start_partial(self, partial: PartialUpload) -> None:
        """Give an upload in pieces its place, as its first byte is here. Raises as check_place does."""
        with database.atomic("IMMEDIATE"):  # of two that start at once, the second sees the first one
            self.check_place(Reservation(partial.client, partial.length_bytes), ())
            partial.note_start()

    @contextmanager
    def probing(self, client: str | None) -> Iterator[None]:
        """Let ffmpeg look at a client's upload, and charge the seconds to it; raises RateLimited before."""
        quota = probe_quota(self.settings)
        quota.take(client, LEAST_PROBE_S)
        began_at = time.monotonic()
        try:
            yield
        finally:
            quota.charge(client, time.monotonic() - began_at - LEAST_PROBE_S)

    def check_place(self, claim: Reservation, others: Iterable[Reservation]) -> None:
        """Raise UploadsFull, RateLimited or DiskFull if an upload could not begin now.

        `others` are the bodies that are coming.
        """
        under_way = self._claims_under_way()
        self.check_number(claim.client, under_way)
        self.check_room(claim, [*others, *under_way])

    def check_number(self, client: str | None, others: Collection[Reservation]) -> None:
        """Raise RateLimited or UploadsFull if one more besides the others would be more than there may be."""
        for network in networks_of(client):
            own = sum(network.contains(other.client) for other in others)
            if own >= _share_of(self.settings.max_uploads, network):
                raise RateLimited.uploading()
        is_newcomer = all(other.client != client for other in others)
        if len(others) >= self.settings.max_uploads * (NEWCOMER_FACTOR if is_newcomer else 1):
            raise UploadsFull

    def check_room(self, claim: Reservation, others: Iterable[Reservation]) -> None:
        """Raise RateLimited above a client's share, or DiskFull if too little were left for conversions.

        The share is one of what the others leave, so that they together cannot claim all. A client that has
        claimed nothing else may have all there is: a small disk has room for one.
        """
        others = list(others)
        room_bytes = shutil.disk_usage(self.storage.uploads).free - MIN_FREE_BYTES
        all_bytes = sum(other.bytes for other in others)
        for network in networks_of(claim.client):
            own_bytes = sum(other.bytes for other in others if network.contains(other.client))
            left_bytes = (room_bytes - all_bytes + own_bytes) * network.weight
            if own_bytes and (own_bytes + claim.bytes) * SHARE > left_bytes:
                raise RateLimited.uploading()
        if all_bytes + claim.bytes > room_bytes:
            raise DiskFull

    # -- jobs ------------------------------------------------------------------------------------------

    def look_at_job(self, client: str | None, kind: JobKind) -> None:
        """Say whether a job would be taken; raises QueueFull, DiskFull or RateLimited."""
        if self.storage.is_low():
            raise DiskFull
        for network in networks_of(client):
            own = Job.queue_length(in_network(Job.client, network))
            if own >= _share_of(self.settings.max_queue, network):
                raise RateLimited.waiting()
        waiting = Job.queue_length()
        is_newcomer = not Job.queue_length(Job.client == client, *_which_go_with(kind))
        if waiting >= self.settings.max_queue * (NEWCOMER_FACTOR if is_newcomer else 1):
            raise QueueFull.behind(waiting)
        self._check_kept(client)

    def take_job(self, address: str | None, kind: JobKind) -> str | None:
        """Let a job in, and name its client; raises as look_at_job does."""
        client = self.client_of(address)
        self.look_at_job(client, kind)
        job_quota(self.settings).take(client)
        return client

    def turn_of(self, client: str | None, kind: JobKind) -> int:
        """Give the priority of a new job: a client's second waiting one goes behind everybody's first.

        Estimates, which every open studio has made unasked, go behind all that somebody asked for. A network
        of any size is one client here, as each of its addresses could bring a first one.
        """
        ahead = 0
        for network in islice(networks_of(client), 1):
            ahead = Job.queue_length(in_network(Job.client, network), *_which_go_with(kind))
        return -ahead - (UNASKED if kind == JobKind.ESTIMATE else 0)

    # -- what is there already ---------------------------------------------------------------------------

    def _check_used(self, claim: Reservation) -> None:
        """Raise RateLimited when the client's share of the disk or of the hour is used up."""
        self._check_kept(claim.client)
        upload_quota(self.settings).check(claim.client)
        byte_quota(self.settings).check(claim.client, claim.bytes)
        probe_quota(self.settings).check(claim.client, LEAST_PROBE_S)

    def _check_kept(self, client: str | None) -> None:
        """Raise RateLimited when the client's stored files take more than its share of the disk."""
        made_bytes = fn.SUM(SQL("json_extract(result_json, '$.bytes')"))
        for network in networks_of(client):
            clips = Upload.select(fn.SUM(Upload.bytes)).where(in_network(Upload.client, network)).scalar()
            made = Job.select(made_bytes).where(in_network(Job.client, network)).scalar()
            kept_bytes = (clips or 0) + (made or 0)
            disk_bytes = kept_bytes + shutil.disk_usage(self.storage.results).free
            if kept_bytes * SHARE > disk_bytes * network.weight:
                raise RateLimited.keeping()

    def _claims_under_way(self) -> list[Reservation]:
        """Say what is to come of the uploads in pieces; silent and slow ones may go on, but hold nothing."""
        here = [(partial, self._bytes_here(partial)) for partial in PartialUpload.lately_used()]
        return [
            Reservation(partial.client, partial.length_bytes - here_bytes)
            for partial, here_bytes in here
            if partial.keeps_up(here_bytes)
        ]

    def _bytes_here(self, partial: PartialUpload) -> int:
        try:
            return self.storage.partial_path(partial.id).stat().st_size
        except FileNotFoundError:
            return partial.length_bytes  # completed or removed just now


def _share_of(amount: int, network: Network) -> int:
    """How many of so many for all a network may have at once; one at least."""
    return max(1, int(amount * network.weight / SHARE))


def _which_go_with(kind: JobKind) -> tuple[Any, ...]:
    """Match the jobs that a new one of this kind has to wait for: no estimate keeps others waiting."""
    return () if kind == JobKind.ESTIMATE else (Job.kind != JobKind.ESTIMATE,)
