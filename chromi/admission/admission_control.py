"""Enforce limits per client and for all clients together.

The server calls the check_* methods before it reads a body; they change nothing. The views call the admit_*
methods once the request is otherwise valid; they check again and charge the client's quotas.
"""

from __future__ import annotations

import hmac
import logging
import shutil
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

from peewee import fn

from chromi.admission.quota import byte_quota, job_quota, probe_quota, upload_quota
from chromi.client_networks import Network, is_local, network_prefixes, networks_of
from chromi.config import Settings
from chromi.db import TEMPORARY_ERRORS, Job, JobKind, Upload, exclusive_transaction, in_network
from chromi.errors import BadOptions, DiskFull, QueueFull, RateLimited, UploadsFull
from chromi.i18n import Message
from chromi.storage import MIN_FREE_BYTES, Storage, size_of
from chromi.tokens import TokenSigner

logger = logging.getLogger(__name__)

SHARE_DIVISOR = 3
"""An address gets at most a third of each resource. For networks, see client_networks.IPV6_WEIGHTS."""
NEWCOMER_FACTOR = 10
"""A client with nothing in progress is admitted beyond a global limit, up to this many times the limit. A few
clients that use their full shares cannot lock anyone out, and a flood of addresses cannot fill memory or
tables."""
UNREQUESTED_PRIORITIES = {JobKind.BARS: -1000, JobKind.ESTIMATE: -2000, JobKind.LOOPS: -3000}
"""Lower than any requested job's priority, because no client can have 1000 waiting jobs."""
MIN_PROBE_S = 1.0
"""The seconds of probe quota a client must have left before ffmpeg probes its upload."""


@dataclass(frozen=True)
class Reservation:
    """Bytes that a client has announced but not yet sent. They count as used disk space."""

    client: str | None
    bytes: int


@dataclass(frozen=True)
class AdmissionControl:
    """Decides which uploads and jobs are admitted. A `client` is a name that client_of returned."""

    settings: Settings
    storage: Storage
    signer: TokenSigner

    def client_of(self, address: str | None, token: str | None = None) -> str | None:
        """Return the client's name, which reveals neither address nor token, or None for local clients.

        `address` is the client's, even behind a proxy. A client with one of CHROMI_API_TOKENS is named after
        its token wherever it connects from. Any other token is ignored.
        """
        if token and self.is_api_token(token):
            return self.signer.pseudonym(f"token {token}")
        if is_local(address or ""):
            return None
        return ".".join(self.signer.pseudonym(prefix) for prefix in network_prefixes(address or ""))

    def is_api_token(self, token: str) -> bool:
        """Compare with all of CHROMI_API_TOKENS, in a time that does not depend on their content."""
        matches = [hmac.compare_digest(token.encode(), known.encode()) for known in self.settings.api_tokens]
        return any(matches)

    # -- uploads ---------------------------------------------------------------------------------------

    def check_upload(
        self, reservation: Reservation, others: Iterable[Reservation], *, starts_job: bool
    ) -> None:
        """Raise QueueFull, DiskFull, UploadsFull or RateLimited if an upload would not be admitted.

        `others` are the reservations of bodies that are being received.
        """
        self.check_capacity(reservation, others)
        self._check_quotas(reservation.client, starts_job=starts_job)
        byte_quota(self.settings).check(reservation.client, reservation.bytes)

    def charge_bytes(self, client: str | None, received_bytes: int) -> None:
        """Charge the bytes of a received form. If that exceeds the client's quota, also raise RateLimited."""
        quota = byte_quota(self.settings)
        try:
            quota.acquire(client, received_bytes)
        except RateLimited:
            quota.charge(client, received_bytes)
            raise

    def admit_form_upload(self, client: str | None, *, starts_job: bool) -> None:
        """Charge the client for an upload whose bytes have been charged.

        Raises RateLimited, and if it starts a job, the errors of check_job. They charge nothing.
        """
        self._check_quotas(client, starts_job=starts_job)
        upload_quota(self.settings).acquire(client)

    def refund_upload(self, client: str | None, unsent_bytes: int = 0) -> None:
        """Undo the charge of an upload, and of announced bytes that will not arrive.

        Received bytes stay charged. An unavailable database does not replace the error that led to this.
        """
        with suppress(*TEMPORARY_ERRORS):
            upload_quota(self.settings).charge(client, -1)
            if unsent_bytes:
                byte_quota(self.settings).charge(client, -unsent_bytes)

    def admit_resumable_upload(self, client: str | None, length_bytes: int) -> None:
        """Charge the client for an upload and all of its bytes before they arrive.

        Raises the errors of check_upload.
        """
        self.check_upload(Reservation(client, length_bytes), (), starts_job=False)
        upload_quota(self.settings).acquire(client)
        try:
            byte_quota(self.settings).acquire(client, length_bytes)
        except Exception:
            self.refund_upload(client)
            raise

    def admit_first_byte(self, upload: Upload) -> None:
        """Give a resumable upload its slot when its first byte arrives.

        Raises the errors of check_capacity.
        """
        # If two uploads start at the same time, the second sees the first.
        with exclusive_transaction(Upload):
            self.check_capacity(Reservation(upload.client, upload.length_bytes), ())
            upload.record_start()

    @contextmanager
    def charge_probe(self, client: str | None) -> Iterator[None]:
        """Charge the time spent inside the block to the client's probe quota. Raises RateLimited.

        An unavailable database after the block does not replace its result.
        """
        quota = probe_quota(self.settings)
        quota.acquire(client, MIN_PROBE_S)
        started_at = time.monotonic()
        try:
            yield
        finally:
            try:
                quota.charge(client, time.monotonic() - started_at - MIN_PROBE_S)
            except TEMPORARY_ERRORS as error:
                logger.warning("could not charge the time of a probe: %s", error)

    def check_capacity(self, reservation: Reservation, others: Iterable[Reservation]) -> None:
        """Raise UploadsFull, RateLimited or DiskFull if an upload could not start now.

        `others` are the reservations of bodies that are being received.
        """
        active = self._active_reservations()
        self.check_upload_slot(reservation.client, active)
        self.check_disk_space(reservation, [*others, *active])

    def check_upload_slot(self, client: str | None, others: Collection[Reservation]) -> None:
        """Raise RateLimited or UploadsFull if another upload would exceed the client's share or the limit."""
        for network in networks_of(client):
            own = sum(network.contains(other.client) for other in others)
            if own >= _share_of(self.settings.max_uploads, network):
                raise RateLimited.active_uploads()
        is_newcomer = all(other.client != client for other in others)
        if len(others) >= self.settings.max_uploads * (NEWCOMER_FACTOR if is_newcomer else 1):
            raise UploadsFull

    def check_disk_space(self, reservation: Reservation, others: Iterable[Reservation]) -> None:
        """Raise RateLimited above the client's share, or DiskFull if too little would remain for conversions.

        The share is a fraction of what the others leave, so that all clients together cannot reserve
        everything. A client without another reservation may use all remaining space: a small disk has room
        for one upload.
        """
        others = list(others)
        free_bytes = shutil.disk_usage(self.storage.uploads).free - MIN_FREE_BYTES
        all_bytes = sum(other.bytes for other in others)
        for network in networks_of(reservation.client):
            own_bytes = sum(other.bytes for other in others if network.contains(other.client))
            available_bytes = (free_bytes - all_bytes + own_bytes) * network.weight
            if own_bytes and (own_bytes + reservation.bytes) * SHARE_DIVISOR > available_bytes:
                raise RateLimited.active_uploads()
        if all_bytes + reservation.bytes > free_bytes:
            raise DiskFull

    # -- jobs ------------------------------------------------------------------------------------------

    def check_job(self, client: str | None, kind: JobKind) -> None:
        """Raise QueueFull, DiskFull or RateLimited if a job would not be admitted."""
        if self.storage.is_low():
            raise DiskFull
        for network in networks_of(client):
            own = Job.queue_length(in_network(Job.client, network))
            if own >= _share_of(self.settings.max_queue, network):
                raise RateLimited.queued_jobs()
        waiting = Job.queue_length()
        is_newcomer = not Job.queue_length(Job.client == client, *_competing_with(kind))
        if waiting >= self.settings.max_queue * (NEWCOMER_FACTOR if is_newcomer else 1):
            raise QueueFull.behind(waiting)
        self._check_disk_share(client)
        job_quota(self.settings).check(client)

    def check_batch_size(self, client: str | None, count: int) -> None:
        """Raise BadOptions if the client may never have this many jobs in the queue."""
        shares = [_share_of(self.settings.max_queue, network) for network in networks_of(client)]
        largest = min([self.settings.max_queue, *shares])
        if count > largest:
            raise BadOptions(
                Message("A batch may have at most %(limit)s conversions on this service.", limit=largest)
            )

    def admit_job(self, client: str | None, kind: JobKind) -> None:
        """Charge the client's quota for a job. Raises the errors of check_job."""
        self.check_job(client, kind)
        job_quota(self.settings).acquire(client)

    def priority_for(self, client: str | None, kind: JobKind) -> int:
        """Return the priority of a new job: a client's second waiting job comes after everyone's first.

        Estimates and searches for bars and loops come after all other jobs, because every open studio page
        requests them by itself. The widest network counts as one client here, because otherwise each of its
        addresses could submit a first job.
        """
        own = 0
        for network in islice(networks_of(client), 1):
            own = Job.queue_length(in_network(Job.client, network), *_competing_with(kind))
        return -own + UNREQUESTED_PRIORITIES.get(kind, 0)

    # -- usage -----------------------------------------------------------------------------------------

    def _check_quotas(self, client: str | None, *, starts_job: bool) -> None:
        """Raise RateLimited if the client has used up its disk share or an hourly quota except that of bytes.

        If the upload starts a job, this also raises the errors of check_job.
        """
        self._check_disk_share(client)
        upload_quota(self.settings).check(client)
        probe_quota(self.settings).check(client, MIN_PROBE_S)
        if starts_job:
            self.check_job(client, JobKind.CONVERT)

    def _check_disk_share(self, client: str | None) -> None:
        """Raise RateLimited if the client's clips and results take up more than its share of the disk."""
        result_bytes = fn.SUM(Job.result_json["result"]["bytes"].cast("BIGINT"))
        for network in networks_of(client):
            is_stored = in_network(Upload.client, network) & Upload.info_json.is_null(False)
            clips = Upload.select(fn.SUM(Upload.length_bytes)).where(is_stored).scalar()
            results = Job.select(result_bytes).where(in_network(Job.client, network)).scalar()
            stored_bytes = int(clips or 0) + int(results or 0)  # PostgreSQL adds up BIGINTs to a Decimal
            if stored_bytes * SHARE_DIVISOR > self._disk_bytes(stored_bytes) * network.weight:
                raise RateLimited.disk_share()

    def _disk_bytes(self, stored_bytes: int) -> int:
        """Return the space that a client's files take up and that is left for more.

        With a bucket, the disk fills up with copies, so its free space says nothing about what may still be
        stored. The size of the disk is then the limit.
        """
        disk = shutil.disk_usage(self.storage.results)
        return disk.total if self.storage.bucket else stored_bytes + disk.free

    def _active_reservations(self) -> list[Reservation]:
        """List what the active resumable uploads have yet to send.

        Stalled and slow uploads reserve nothing.
        """
        path_of = self.storage.partial_upload_path
        active = [(upload, size_of([path_of(upload.id)])) for upload in Upload.list_active()]
        return [
            Reservation(upload.client, upload.length_bytes - received_bytes)
            for upload, received_bytes in active
            if upload.is_fast_enough(received_bytes)
        ]


def _share_of(limit: int, network: Network) -> int:
    """Return a network's share of a limit, which is at least one."""
    return max(1, int(limit * network.weight / SHARE_DIVISOR))


def _competing_with(kind: JobKind) -> tuple[Any, ...]:
    """Match the jobs that a new job of this kind waits for: all but those of a lower priority."""
    priority = UNREQUESTED_PRIORITIES.get(kind, 0)
    later = [other for other, its_priority in UNREQUESTED_PRIORITIES.items() if its_priority < priority]
    return (Job.kind.not_in(later),) if later else ()
