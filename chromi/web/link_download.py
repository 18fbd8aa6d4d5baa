"""Send a link's file. A use is reserved while it is being sent and counted once all of it has been sent."""

from __future__ import annotations

import hashlib
import logging
import time
from pathlib import Path

from flask import Response, request

from chromi.db import Link, database_connection, retry_on_lock
from chromi.errors import Conflict, Gone, NotFound
from chromi.i18n import Message
from chromi.jobs.removal import remove_result_if_unneeded
from chromi.storage import Storage
from chromi.web.http.file_response import TrackedFile, send_tracked_file
from chromi.web.http.request_errors import LinkRevoked, LinkUsedUp
from chromi.web.services import services

logger = logging.getLogger(__name__)

DOWNLOAD_NAME = "chromi_background.gif"
MAX_CACHE_AGE_S = 3600
COUNT_TIMEOUT_S = 600


def send_gif(link: Link) -> Response:
    """Send the GIF and count the use if and only if its last byte has been sent."""
    storage, background = services().storage, services().background
    file = TrackedFile(fetch_result(storage.result_path(link.job_id)))
    if request.method != "HEAD":
        _reserve_use(link, file)
        # The server's event loop closes the file, and a locked database must not block the loop.
        file.on_close = lambda start, stop: background.submit(
            _end_download, link, (start, stop, file.size_bytes), storage
        )
    # A limited link allows resuming a download, but any other range counts as a use.
    latest_start = link.sent_bytes if link.max_uses else None
    response = send_tracked_file(file, "image/gif", etag=etag_of(link), latest_start=latest_start)
    response.headers.set("Content-Disposition", "attachment", filename=DOWNLOAD_NAME)
    if not link.max_uses and not link.password_hash:
        allow_browser_cache(response, link)
    return response


def fetch_result(path: Path) -> Path:
    """Return the path of a result once it is on this node. Raises Gone and ServiceBusy."""
    try:
        return services().storage.fetch(path)
    except NotFound as error:
        raise Gone from error


def _reserve_use(link: Link, file: TrackedFile) -> None:
    """Reserve a use for an open file. If no use is left, close it and raise Gone or Conflict."""
    try:
        if link.begin_download(services().storage.node):
            return
        current: Link | None = Link.get_or_none(Link.id == link.id)
        if current is None:
            raise Gone  # removed just now
        check_not_ended(current)
        raise Conflict(Message("The link’s last download is in progress. Please try again later."))
    except BaseException:
        file.close()
        raise


def etag_of(link: Link) -> str:
    """Return an ETag that is the same for every download of a link without revealing the link's id."""
    return hashlib.sha256(link.id.encode()).hexdigest()[:32]


def _end_download(link: Link, sent: tuple[int, int, int], storage: Storage) -> None:
    """Release and count the use. Retry for COUNT_TIMEOUT_S, because a use must not stay reserved."""

    def end() -> bool:
        with database_connection():
            return link.end_download(*sent)

    try:
        if retry_on_lock(end, timeout_s=COUNT_TIMEOUT_S) and link.max_uses:
            with database_connection():
                remove_result_if_unneeded(link.job_id, storage)
    except Exception:  # otherwise, an exception in this background thread would go unnoticed
        logger.exception("link of job %s: could not count the use or remove the result", link.job_id)


def allow_browser_cache(response: Response, link: Link) -> None:
    """Let the browser cache the response for up to MAX_CACHE_AGE_S, but not beyond the link's expiry."""
    max_age_s = int(min(MAX_CACHE_AGE_S, link.expires_at - time.time()))
    response.headers["Cache-Control"] = f"private, max-age={max_age_s}"


def check_not_ended(link: Link) -> None:
    """Raise the subclass of Gone that explains why the link has ended, if it has."""
    match link.state:
        case "expired":
            raise Gone
        case "used_up":
            raise LinkUsedUp
        case "revoked":
            raise LinkRevoked
