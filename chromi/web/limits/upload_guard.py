"""What is asked of a request before its body is read: is there room, and may this client have some of it?"""

from __future__ import annotations

import logging
import re
from enum import Enum, auto
from functools import cache
from typing import Protocol

from peewee import DatabaseError
from waitress.proxy_headers import MalformedProxyHeader, parse_proxy_headers

from chromi.admission.admission_control import AdmissionControl, Reservation
from chromi.client_networks import labels_of
from chromi.config import Settings
from chromi.db import PartialUpload, database, find_upload
from chromi.errors import BadRequest, UploadTooLarge
from chromi.web.http.negotiation import LARGE_FORM
from chromi.web.http.security_headers import FORM_BYTES
from chromi.web.limits.chunks import BEYOND_LENGTH, check_piece, extent_of

logger = logging.getLogger(__name__)

WHOLE = re.compile(r"/(uploads|convert)/?")
PIECE = re.compile(r"/uploads/resumable/[^/]+")
COSTLY = re.compile(r"POST /(download/.*|jobs/[^/]+/links/?)|GET /download/[^/]+/extension\.zip")


class Kind(Enum):
    """What a request keeps a thread busy with."""

    UPLOAD = auto()
    """ffmpeg looks at it."""
    COSTLY = auto()
    """A password is hashed, a ZIP put together."""
    QUICK = auto()


class Arriving(Protocol):
    """A request whose headers are here; waitress' parser is one."""

    command: str
    path: str
    headers: dict[str, str]
    chunked: bool
    content_length: int
    body_bytes_received: int

    def __hash__(self) -> int: ...


class UploadGuard:
    """Looks at each request that has a body, and knows the large ones that are under way."""

    def __init__(self, settings: Settings, admission: AdmissionControl) -> None:
        self._settings = settings
        self._admission = admission
        self._arriving: dict[Arriving, Reservation] = {}

    def look(self, request: Arriving, peer: str) -> None:
        """Raise what a request is refused with whose headers say enough; `peer` is who has connected.

        To be called when the headers are here, so that a body that has no chance is not even sent, and again
        with its first byte: only from then on it holds a place and room that another could have. Whoever
        calls it calls `release` at the request's end.
        """
        self.check_size(request, 0 if request.chunked else request.content_length)
        if not (_is_whole(request) or _is_piece(request)):
            return
        client = self._admission.client_of(self._client_address(request, peer))
        others = self._others(request)
        self._admission.check_number(client, others)
        claim = Reservation(client, self._promised_bytes(request))
        try:
            with database.connection_context():
                if _is_piece(request):
                    claim = self._look_at_piece(request, client, others)
                else:
                    starts_job = request.path.startswith("/convert")
                    self._admission.look_at_upload(claim, others, starts_job=starts_job)
        except (DatabaseError, OSError) as error:
            logger.warning("an upload was not looked at before its body: %s", error)  # its view will do so
        self._arriving[request] = claim

    def check_size(self, request: Arriving, size_bytes: int) -> None:
        """Raise what a body of so many bytes, or of so many until now, is refused with."""
        if not (_is_whole(request) or _is_piece(request)):
            if size_bytes > FORM_BYTES:
                raise UploadTooLarge(LARGE_FORM)
        elif size_bytes > self._settings.max_upload_bytes + FORM_BYTES:
            raise UploadTooLarge.over(self._settings.max_upload_mb)
        elif request in self._arriving and size_bytes > self._arriving[request].bytes + FORM_BYTES:
            raise UploadTooLarge(BEYOND_LENGTH)

    def release(self, request: Arriving) -> None:
        """Forget a request that has been answered, was refused, or whose client has gone."""
        self._arriving.pop(request, None)

    def kind_of(self, request: Arriving) -> Kind:
        """Tell what kind of request this is, whose headers were looked at."""
        if request in self._arriving or _is_piece(request):  # an empty piece may be an upload's last
            return Kind.UPLOAD
        return Kind.COSTLY if COSTLY.fullmatch(f"{request.command} {request.path}") else Kind.QUICK

    def owner_of(self, request: Arriving, peer: str) -> str:
        """Tell the widest network that a request comes from, of the near ones too."""
        try:
            return labels_of(self._client_address(request, peer))[0]
        except BadRequest:
            return labels_of(peer)[0]

    def _others(self, request: Arriving) -> list[Reservation]:
        """List what has been promised by all other bodies that have begun to come."""
        arriving = self._arriving.copy().items()  # other threads release theirs meanwhile
        return [claim for other, claim in arriving if other is not request and other.body_bytes_received]

    def _look_at_piece(self, request: Arriving, client: str | None, others: list[Reservation]) -> Reservation:
        """Say how many bytes a piece brings at most: no more than its upload lacks.

        Raises NotFound, WrongOffset, UploadTooLarge or BadRequest; RateLimited, UploadsFull or DiskFull when
        there is no room for it or, for an upload's first piece, no place.
        """
        upload = find_upload(request.path.rsplit("/", 1)[1])
        here_bytes, whole_bytes = extent_of(upload, self._admission.storage)
        piece_bytes = 0 if request.chunked else request.content_length
        check_piece(request.headers.get("UPLOAD_OFFSET"), piece_bytes, here_bytes, whole_bytes)
        if isinstance(upload, PartialUpload) and upload.started_at is None:
            self._admission.check_place(Reservation(upload.client, whole_bytes), others)
        # A body is on disk twice for a moment: as it came, and where it will stay. What is still to come of
        # the one and what has come, for the other, are together what was promised.
        claim = Reservation(client, piece_bytes or whole_bytes - here_bytes)
        self._admission.check_room(claim, others)
        return claim

    def _promised_bytes(self, request: Arriving) -> int:
        largest = self._settings.max_upload_bytes
        return largest if request.chunked else min(request.content_length, largest)

    def _client_address(self, request: Arriving, peer: str) -> str:
        """Tell the client's address as waitress will tell it to the application."""
        settings = self._settings
        if "X_FORWARDED_FOR" in request.headers and not settings.trusted_proxy:
            _advise()
        environ = {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http"}
        if settings.trusted_proxy in ("*", peer) and "X_FORWARDED_FOR" in request.headers:
            environ["HTTP_X_FORWARDED_FOR"] = request.headers["X_FORWARDED_FOR"]
            try:
                parse_proxy_headers(environ, settings.trusted_proxy_count, {"x-forwarded-for"})
            except (MalformedProxyHeader, IndexError) as error:
                raise BadRequest from error
        return environ["REMOTE_ADDR"]


@cache
def _advise() -> None:
    """Say it once."""
    logger.warning(
        "a client or proxy sends X-Forwarded-For: if a proxy stands here, set CHROMI_TRUSTED_PROXY"
    )


def _is_whole(request: Arriving) -> bool:
    return request.command == "POST" and bool(WHOLE.fullmatch(request.path))


def _is_piece(request: Arriving) -> bool:
    return request.command == "PATCH" and bool(PIECE.fullmatch(request.path))
