"""A link's file on its way: a use is held while it is sent, and counted when all of it has gone."""

from __future__ import annotations

import hashlib
import logging
import time

from flask import Response, request

from chromi.db import Link, database, retry_on_lock
from chromi.errors import Conflict, Gone
from chromi.i18n import Message
from chromi.jobs import removal
from chromi.storage import Storage
from chromi.web.http.file_response import TrackedFile, send_tracked_file
from chromi.web.services import services

logger = logging.getLogger(__name__)

DOWNLOAD_NAME = "chromi_background.gif"
MAX_CACHE_AGE_S = 3600
END_PATIENCE_S = 600


class LinkUsedUp(Gone):
    """A link that counts has delivered its file as often as it may."""

    code = "link_used_up"
    user_message = Message("Every download of this link has been used. Ask whoever shared it for a new one.")


class LinkRevoked(Gone):
    """Whoever made the link has ended it."""

    code = "link_revoked"
    user_message = Message("Whoever shared this link has taken it back. Ask them for a new one.")


def deliver_gif(link: Link) -> Response:
    """Send the file, counting the use when (and only when) the last byte has been sent."""
    storage, background = services().storage, services().background
    file = TrackedFile(storage.result_path(link.job_id))
    if request.method != "HEAD":
        _hold_use(link, file)
        # Not in the server's event loop, which closes the file: a locked database must stall nobody else.
        file.on_close = lambda start, stop: background.submit(
            _end_delivery, link, (start, stop, file.size_bytes), storage
        )
    # Whoever has a link that counts may go on where a download was cut, but not pick pieces without a use.
    latest_start = link.sent_bytes if link.max_uses else None
    response = send_tracked_file(file, "image/gif", etag=etag_of(link), latest_start=latest_start)
    response.headers.set("Content-Disposition", "attachment", filename=DOWNLOAD_NAME)
    if not link.max_uses and not link.password_hash:
        let_browser_keep(response, link)
    return response


def _hold_use(link: Link, file: TrackedFile) -> None:
    """Begin the delivery of an open file; closes it and raises Gone or Conflict when there is no use left."""
    try:
        if link.begin_download():
            return
        now: Link | None = Link.get_or_none(Link.id == link.id)
        if now is None:
            raise Gone  # swept a moment ago
        refuse_ended(now)
        raise Conflict(
            Message("The last download of this link is under way at this moment. Try again later.")
        )
    except BaseException:
        file.close()
        raise


def etag_of(link: Link) -> str:
    """The same for every download by this link, and of no use for anything else: ids open pages."""
    return hashlib.sha256(link.id.encode()).hexdigest()[:32]


def _end_delivery(link: Link, sent: tuple[int, int, int], storage: Storage) -> None:
    """Let go of the use and count it; tried for ten minutes, as a link must not stay held."""

    def end() -> bool:
        with database.connection_context():
            return link.end_download(*sent)

    try:
        if retry_on_lock(end, patience_s=END_PATIENCE_S) and link.max_uses:
            with database.connection_context():
                removal.remove_result_if_unneeded(link.job_id, storage)
    except Exception:  # nobody waits for what this thread gives
        logger.exception("link of job %s: not counted, or not removed", link.job_id)


def let_browser_keep(response: Response, link: Link) -> None:
    """Let the receiver's browser keep it for a while, but not beyond the link's end."""
    max_age_s = int(min(MAX_CACHE_AGE_S, link.expires_at - time.time()))
    response.headers["Cache-Control"] = f"private, max-age={max_age_s}"


def refuse_ended(link: Link) -> None:
    """Raise the kind of Gone that says how the link has ended, if it has."""
    match link.state:
        case "expired":
            raise Gone
        case "used_up":
            raise LinkUsedUp
        case "revoked":
            raise LinkRevoked
