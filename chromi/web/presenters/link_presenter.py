"""Prepare links for pages and JSON."""

from __future__ import annotations

from typing import Any

from flask import request, url_for

from chromi.db import MAX_LINK_AGE_S, Job, Link
from chromi.errors import Gone
from chromi.i18n import Message
from chromi.web.services import services

EXPIRED = Message("This background expired and was deleted. Please make it again.")

# -- URLs ------------------------------------------------------------------------------------------------


def own_link(job: Job) -> Link:
    """Return the link that the result page uses for itself. Raises Gone."""
    own = find_own_link(job)
    if own is None:
        raise Gone(EXPIRED)
    return own


def find_own_link(job: Job) -> Link | None:
    """Return the link that the result page uses for itself, or None if there is none or it has ended."""
    own: Link | None = job.links.where(~Link.shared).first()
    return own if own and own.is_live else None


def own_url(job: Job) -> str:
    """Return the GIF's URL for the person who made it."""
    return download_url(own_link(job))


def download_url(link: Link, **arguments: Any) -> str:
    return url_for("downloads.download", token=token_of(link), **arguments)


def still_url(link: Link, **arguments: Any) -> str:
    return url_for("downloads.still", token=token_of(link), **arguments)


def token_of(link: Link) -> str:
    return services().signer.sign_link(link.code)


# -- pages -----------------------------------------------------------------------------------------------


def result_page_links(job: Job) -> dict[str, Any]:
    """Return the URLs and share links for a finished conversion's page, or an empty dict for other jobs."""
    if not job.has_background:
        return {}
    own = own_link(job)
    token = token_of(own)
    has_source = services().storage.is_available(services().storage.source_frame_path(job.id))
    return {
        "gif_url": download_url(own),
        "still_url": still_url(own),
        "result_expires_at": own.expiry,
        "links": share_link_rows(job),
        "extension_url": url_for("extension.download", token=token),
        "first_frame_url": url_for("downloads.first_frame", token=token),
        "source_frame_url": url_for("downloads.source_frame", token=token) if has_source else None,
    }


def share_link_rows(job: Job) -> list[dict[str, Any]]:
    """Return the job's share links as listed in _share_links.html, newest first."""
    shared = job.links.where(Link.shared).order_by(Link.created_at)
    return [_share_link_row(link, number) for number, link in enumerate(shared, 1)][::-1]


def _share_link_row(link: Link, number: int) -> dict[str, Any]:
    """Return a share link as listed in _share_links.html. `number` counts the links in creation order."""
    return {
        "id": link.id,
        "number": number,
        "url": download_url(link, _external=True),
        "expires_at": link.expiry,
        "uses": link.uses,
        "uses_left": link.uses_left,
        "max_uses": link.max_uses,
        "has_password": link.password_hash is not None,
        "can_be_extended": link.expires_at < link.created_at + MAX_LINK_AGE_S,
        "state": link.state,
    }


def receiver_page(link: Link, is_unlocked: bool) -> dict[str, Any]:
    """Return the context of share_link.html."""
    return {
        "link": link,
        "is_open": is_unlocked,
        "was_open": "file" in request.args or "download" in request.values,
        "result": link.job.result,
        "page_url": download_url(link),
        "link_url": download_url(link, _external=True),
        "file_url": download_url(link, file=1),
        "still_url": still_url(link),
        "moving_preview_url": _moving_preview_url(link),
        "picture_url": still_url(link, _external=True),
    }


def _moving_preview_url(link: Link) -> str | None:
    """Return the URL of the small video, or None if it could not be made."""
    if not services().storage.is_available(services().storage.moving_preview_path(link.job_id)):
        return None
    return url_for("downloads.moving_preview", token=token_of(link))


# -- JSON ------------------------------------------------------------------------------------------------


def share_link_json(link: Link) -> dict[str, Any]:
    address: dict[str, Any] = {"job_id": link.job_id, "link_id": link.id}
    return {
        "link_id": link.id,
        "url": download_url(link, _external=True),
        "state": link.state,
        "expires_at": link.expiry.isoformat(timespec="seconds"),
        "max_uses": link.max_uses,
        "uses": link.uses,
        "uses_left": link.uses_left,
        "has_password": link.password_hash is not None,
        "extend_url": url_for("share_links.extend", **address),
        "revoke_url": url_for("share_links.revoke", **address),
        "qr_url": url_for("share_links.qr_code", **address),
    }
