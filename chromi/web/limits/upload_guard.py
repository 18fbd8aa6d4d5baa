"""Check a request's headers before its body is received: is it admitted, and is there disk space?"""

from __future__ import annotations

import logging
import re
from enum import Enum, auto
from functools import cache
from typing import Protocol

from chromi.admission.admission_control import AdmissionControl, Reservation
from chromi.config import Settings
from chromi.db import DATABASE_ERRORS, Upload, database_connection
from chromi.errors import BadRequest, UploadTooLarge
from chromi.web.http.client_identity import parse_api_token, require_known_token
from chromi.web.http.error_handlers import FORM_TOO_LARGE
from chromi.web.http.request_validation import MAX_FORM_BYTES
from chromi.web.http.trusted_proxy import apply_proxy_headers, is_trusted_proxy
from chromi.web.http.url_prefix import remove_prefix
from chromi.web.limits.chunk_validation import CHUNK_TOO_LONG, check_chunk, received_bytes_of

logger = logging.getLogger(__name__)

WHOLE_UPLOAD = re.compile(r"/(uploads|convert)/?")
CHUNK = re.compile(r"/uploads/resumable/[^/]+")
EXPENSIVE = re.compile(
    r"POST /(download/.*|jobs/[^/]+/links/?)"
    r"|(GET|HEAD) /(download/[^/]+/extension\.zip|batches/[^/]+/zip/?)"
)


class RequestKind(Enum):
    """Why a request needs a thread."""

    UPLOAD = auto()
    """ffmpeg probes it."""
    EXPENSIVE = auto()
    """A password is hashed or a ZIP is created."""
    QUICK = auto()


class IncomingRequest(Protocol):
    """A request whose headers have been received. waitress's parser is one."""

    command: str
    path: str
    headers: dict[str, str]
    chunked: bool
    content_length: int
    body_bytes_received: int

    def __hash__(self) -> int: ...


class UploadGuard:
    """Checks each request that has a body and tracks the uploads in progress."""

    def __init__(self, settings: Settings, admission: AdmissionControl) -> None:
        self._settings = settings
        self._admission = admission
        self._reservations: dict[IncomingRequest, Reservation] = {}

    def check_headers(self, request: IncomingRequest, peer: str) -> None:
        """Raise the error that rejects a request based on its headers; `peer` is the connected address.

        Call this when the headers have arrived, so that a body that would be rejected is never sent, and
        again with the first byte of the body. Only the second call reserves a slot and disk space. Call
        `release` when the request ends.
        """
        self.check_size(request, 0 if request.chunked else request.content_length)
        if not (self._is_whole_upload(request) or self._is_chunk(request)):
            return
        token = parse_api_token(self._path_of(request), request.headers.get("AUTHORIZATION"))
        require_known_token(token, self._admission)
        client = self._admission.client_of(self._client_address(request, peer), token)
        others = self._other_reservations(request)
        self._admission.check_upload_slot(client, others)
        reservation = Reservation(client, self._announced_bytes(request))
        try:
            with database_connection():
                if self._is_chunk(request):
                    reservation = self._check_chunk(request, client, others)
                else:
                    starts_job = self._path_of(request).startswith("/convert")
                    self._admission.check_upload(reservation, others, starts_job=starts_job)
        except (*DATABASE_ERRORS, OSError) as error:
            logger.warning("could not check an upload before receiving it: %s", error)  # the view checks it
        self._reservations[request] = reservation

    def check_size(self, request: IncomingRequest, size_bytes: int) -> None:
        """Raise UploadTooLarge if a body may not have this many bytes, or may not continue after them."""
        if not (self._is_whole_upload(request) or self._is_chunk(request)):
            if size_bytes > MAX_FORM_BYTES:
                raise UploadTooLarge(FORM_TOO_LARGE)
        elif size_bytes > self._settings.max_upload_bytes + MAX_FORM_BYTES:
            raise UploadTooLarge.over(self._settings.max_upload_mb)
        elif (
            request in self._reservations and size_bytes > self._reservations[request].bytes + MAX_FORM_BYTES
        ):
            raise UploadTooLarge(CHUNK_TOO_LONG)

    def release(self, request: IncomingRequest) -> None:
        """Drop the reservation of a request that was answered, rejected or abandoned."""
        self._reservations.pop(request, None)

    def kind_of(self, request: IncomingRequest) -> RequestKind:
        """Return the kind of a request whose headers were checked."""
        if request in self._reservations or self._is_chunk(request):  # an empty chunk may complete an upload
            return RequestKind.UPLOAD
        is_expensive = EXPENSIVE.fullmatch(f"{request.command} {self._path_of(request)}")
        return RequestKind.EXPENSIVE if is_expensive else RequestKind.QUICK

    def is_trusted_proxy(self, peer: str) -> bool:
        return is_trusted_proxy(peer, self._settings)

    def client_address_of(self, request: IncomingRequest, peer: str) -> str:
        """Return the client's address, or the peer's address if its forwarding headers are malformed."""
        try:
            return self._client_address(request, peer)
        except BadRequest:
            return peer

    def _is_whole_upload(self, request: IncomingRequest) -> bool:
        return request.command == "POST" and bool(WHOLE_UPLOAD.fullmatch(self._path_of(request)))

    def _is_chunk(self, request: IncomingRequest) -> bool:
        return request.command == "PATCH" and bool(CHUNK.fullmatch(self._path_of(request)))

    def _path_of(self, request: IncomingRequest) -> str:
        """Return the path as the application will see it."""
        return remove_prefix(request.path, self._settings.url_prefix)

    def _other_reservations(self, request: IncomingRequest) -> list[Reservation]:
        """List the reservations of all other bodies of which at least one byte has arrived."""
        reservations = self._reservations.copy().items()  # other threads release theirs in the meantime
        return [each for other, each in reservations if other is not request and other.body_bytes_received]

    def _check_chunk(
        self, request: IncomingRequest, client: str | None, others: list[Reservation]
    ) -> Reservation:
        """Return the reservation for a chunk: at most the bytes that its upload is missing.

        Raises NotFound, WrongOffset, UploadTooLarge or BadRequest. Raises RateLimited, UploadsFull or
        DiskFull if there is no disk space or no slot for an upload's first chunk.
        """
        upload = Upload.find(request.path.rsplit("/", 1)[1])
        received_bytes = received_bytes_of(upload, self._admission.storage)
        chunk_bytes = 0 if request.chunked else request.content_length
        check_chunk(request.headers.get("UPLOAD_OFFSET"), chunk_bytes, received_bytes, upload.length_bytes)
        if not upload.is_complete and upload.started_at is None:
            self._admission.check_capacity(Reservation(upload.client, upload.length_bytes), others)
        # A body is briefly stored twice: as received, and in the upload's file. The bytes missing from the
        # first plus those received of the second equal the announced length.
        reservation = Reservation(client, chunk_bytes or upload.length_bytes - received_bytes)
        self._admission.check_disk_space(reservation, others)
        return reservation

    def _announced_bytes(self, request: IncomingRequest) -> int:
        max_bytes = self._settings.max_upload_bytes
        return max_bytes if request.chunked else min(request.content_length, max_bytes)

    def _client_address(self, request: IncomingRequest, peer: str) -> str:
        """Return the client's address as the application will see it. Raises BadRequest."""
        settings = self._settings
        if "X_FORWARDED_FOR" in request.headers and not settings.trusted_proxy:
            _advise_trusted_proxy()
        environ = {f"HTTP_{name}": text for name, text in request.headers.items()}
        environ |= {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http"}
        apply_proxy_headers(environ, settings)
        return environ["REMOTE_ADDR"]


@cache
def _advise_trusted_proxy() -> None:
    """Log a hint about CHROMI_TRUSTED_PROXY, once."""
    logger.warning("received X-Forwarded-For: if a proxy is in front of Chromi, set CHROMI_TRUSTED_PROXY")
