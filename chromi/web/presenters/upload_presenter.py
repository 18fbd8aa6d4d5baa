"""Prepare uploads for pages and JSON."""

from __future__ import annotations

from typing import Any

from flask import url_for

from chromi.db import Upload
from chromi.web.presenters.example_presenter import example_cards
from chromi.web.services import services


def upload_json(upload: Upload) -> dict[str, Any]:
    """Return the upload's JSON. `info` and `video_url` are null until the upload is complete."""
    return {
        "upload_id": upload.id,
        "info": upload.info.to_dict() if upload.info else None,
        "url": url_for("studio.show", upload_id=upload.id),
        "video_url": video_url(upload),
    }


def start_page() -> dict[str, Any]:
    """Return the context of index.html."""
    settings = services().settings
    return {
        "max_upload_mb": settings.max_upload_mb,
        "upload_ttl_s": settings.upload_ttl_s,
        "link_ttl_s": settings.link_ttl_s,
        "without_worker": services().has_no_worker(),
        "examples": example_cards(),
    }


def video_url(upload: Upload) -> str | None:
    return url_for("studio.video", upload_id=upload.id) if upload.is_complete else None
