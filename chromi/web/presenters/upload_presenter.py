"""What pages and JSON show of an upload."""

from __future__ import annotations

from typing import Any

from flask import request, url_for

from chromi.db import Upload
from chromi.encoder import OPTIONS, ConversionOptions, Loop
from chromi.errors import BadOptions
from chromi.web.limits.chunk_validation import received_bytes_of
from chromi.web.services import services

COLLAPSED_OPTIONS = ("duration", "speed", "size", "scaling", "short", "reverse")
"""The options that the studio shows on request."""
MAX_OPTION_LENGTH = 32


def upload_json(upload: Upload) -> dict[str, Any]:
    """Return the upload's JSON; `info` and `video_url` are null until it is complete."""
    return {
        "upload_id": upload.id,
        "info": upload.info.to_dict() if upload.info else None,
        "url": url_for("uploads.show", upload_id=upload.id),
        "video_url": _video_url(upload),
    }


def start_page() -> dict[str, Any]:
    """Return the context of index.html."""
    return {"max_upload_mb": services().settings.max_upload_mb, "without_worker": services().has_no_worker()}


def unfinished_page(upload: Upload) -> dict[str, Any]:
    """Return the context of unfinished.html."""
    return {
        "max_upload_mb": services().settings.max_upload_mb,
        "upload": upload,
        "offset_bytes": received_bytes_of(upload, services().storage),
    }


def studio_page(upload: Upload) -> dict[str, Any]:
    """Return the context of studio.html. The form has the request's values, after an error or from a link."""
    defaults = {**ConversionOptions().to_form(), "start_time": "00:00:00"}
    form = {name: request.values.get(name, defaults[name])[:MAX_OPTION_LENGTH] for name in OPTIONS}
    window_s = _window_s(form)
    return {
        "upload": upload,
        "video_url": _video_url(upload),
        "form": form,
        "usual": defaults,
        "has_chosen": any(form[name] != defaults[name] for name in COLLAPSED_OPTIONS),
        "window_s": window_s,
        "is_short": upload.info is not None and upload.info.duration_s <= window_s,
    }


def _video_url(upload: Upload) -> str | None:
    return url_for("uploads.video", upload_id=upload.id) if upload.is_complete else None


def _window_s(form: dict[str, str]) -> float:
    """Return the length of the part of the clip that these options use; invalid options count as defaults."""
    try:
        options = ConversionOptions.parse(**form)
    except BadOptions:
        options = ConversionOptions()
    shown_s = options.duration_s * options.speed
    return shown_s / 2 if options.loop is Loop.BOOMERANG else shown_s
