"""What is asked of a request before its body is read: is there room, and may this client have some of it?"""

from __future__ import annotations

import logging
import re
from enum import Enum, auto
from functools import cache
from typing import Protocol
from weakref import WeakKeyDictionary

from peewee import DatabaseError
from waitress.proxy_headers import MalformedProxyHeader, parse_proxy_headers

from chromi.config import Settings
from chromi.errors import BadRequest, TooMany, UploadsFull, UploadTooLarge
from chromi.models import database
from chromi.web.admission import SHARE, Admission, owner_of
from chromi.web.responses import LARGE_FORM
from chromi.web.security import FORM_BYTES

log = logging.getLogger(__name__)

WHOLE = re.compile(r"/(uploads|convert)/?")
PIECE = re.compile(r"/uploads/resumable/[^/]+")
COSTLY = re.compile(r"POST /(download/.*|jobs/[^/]+/links/?)|GET /download/[^/]+/extension\.zip")


class Kind(Enum):
    """What a request keeps a thread busy with."""

    UPLOAD = auto()
    """ffmpeg looks at it."""
    COSTLY = auto()
    """A password is hashed, a ZIP is written."""
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


class Door:
    """Looks at each request that has a body, and knows the large ones that are under way."""

    def __init__(self, settings: Settings, admission: Admission) -> None:
        self._settings = settings
        self._admission = admission
        self._arriving: WeakKeyDictionary[Arriving, str | None] = WeakKeyDictionary()

    def look(self, request: Arriving, peer: str) -> None:
        """Raise what a request is refused with whose headers say enough; `peer` is who has connected."""
        self.check_size(request, 0 if request.chunked else request.content_length)
        if not (_is_whole(request) or _is_piece(request)):
            return
        address = self._client_address(request, peer)
        client = self._admission.client_of(address)
        self._check_number(client)
        try:
            with database.connection_context():
                self._look_at_room(request, address)
        except (DatabaseError, OSError) as error:
            log.warning("an upload was not looked at before its body: %s", error)  # its view will do so
        self._arriving[request] = client

    def check_size(self, request: Arriving, size_bytes: int) -> None:
        """Raise what a body of so many bytes, or of so many until now, is refused with."""
        if not (_is_whole(request) or _is_piece(request)):
            if size_bytes > FORM_BYTES:
                raise UploadTooLarge(LARGE_FORM)
        elif size_bytes > self._settings.max_upload_bytes + FORM_BYTES:
            raise UploadTooLarge.over(self._settings.max_upload_mb)

    def kind_of(self, request: Arriving) -> Kind:
        """Tell what kind of request this is, whose headers were looked at."""
        if request in self._arriving:
            return Kind.UPLOAD
        return Kind.COSTLY if COSTLY.fullmatch(f"{request.command} {request.path}") else Kind.QUICK

    def owner_of(self, request: Arriving, peer: str) -> str:
        """Tell whose request this is, as Admission counts clients, with the near ones told apart too."""
        try:
            return str(owner_of(self._client_address(request, peer)))
        except BadRequest:
            return str(owner_of(peer))

    def _check_number(self, client: str | None) -> None:
        if len(self._arriving) >= self._settings.max_uploads:
            raise UploadsFull
        own = sum(other == client for other in self._arriving.values())
        if client and own >= self._settings.max_uploads // SHARE:
            raise TooMany.uploading()

    def _look_at_room(self, request: Arriving, address: str) -> None:
        # Each is on disk twice for a moment: as it comes, and where it will stay.
        others_bytes = sum(
            2 * self._expected_bytes(other) - other.body_bytes_received for other in self._arriving
        )
        size_bytes = self._expected_bytes(request)
        if _is_whole(request):
            starts_job = request.path.startswith("/convert")
            coming_bytes = others_bytes + size_bytes
            self._admission.look_at_upload(
                address, size_bytes, coming_bytes=coming_bytes, starts_job=starts_job
            )
        else:
            self._admission.check_disk(others_bytes + size_bytes)

    def _expected_bytes(self, request: Arriving) -> int:
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
    log.warning("a client or proxy sends X-Forwarded-For: if a proxy stands here, set CHROMI_TRUSTED_PROXY")


def _is_whole(request: Arriving) -> bool:
    return request.command == "POST" and bool(WHOLE.fullmatch(request.path))


def _is_piece(request: Arriving) -> bool:
    return request.command == "PATCH" and bool(PIECE.fullmatch(request.path))
