"""Prepare the context of the studio page."""

from __future__ import annotations

from typing import Any

from flask import request

from chromi.db import Upload
from chromi.encoder import OPTIONS, ConversionOptions
from chromi.encoder.options import (
    BLUR_RANGE_PX,
    BRIGHTNESS_RANGE,
    DARKEN_RANGE,
    SATURATION_RANGE,
    ZOOM_RANGE,
    Loop,
)
from chromi.errors import BadOptions
from chromi.web.limits.chunk_validation import received_bytes_of
from chromi.web.presenters.upload_presenter import video_url
from chromi.web.services import services

COLLAPSED_OPTIONS = (
    *("brightness", "saturation", "speed", "size", "scaling"),
    *("motion", "short", "reverse"),
)
"""The options that the studio hides until they are requested."""
OPTIONS_WITHOUT_CONTROLS = ("crop_bars",)
"""The options that the studio only passes on from its address to the next job."""
RANGES = {
    "zoom": ZOOM_RANGE,
    "blur": BLUR_RANGE_PX,
    "brightness": BRIGHTNESS_RANGE,
    "saturation": SATURATION_RANGE,
    "darken": DARKEN_RANGE,
}
"""The lowest and highest value of each option that has a slider."""
MAX_OPTION_LENGTH = 32
FLICKER_S = 1.0
"""A shorter clip flickers if it starts again and again, so the studio suggests playing it back and forth."""


def unfinished_page(upload: Upload) -> dict[str, Any]:
    """Return the context of unfinished_upload.html."""
    return {
        "max_upload_mb": services().settings.max_upload_mb,
        "upload": upload,
        "offset_bytes": received_bytes_of(upload, services().storage),
    }


def studio_page(upload: Upload) -> dict[str, Any]:
    """Return the context of studio.html.

    The form is prefilled from the request: from the form after an error, or from the valid options of a
    link's query string.
    """
    defaults = studio_defaults(upload)
    form = {name: request.values.get(name, defaults[name])[:MAX_OPTION_LENGTH] for name in OPTIONS}
    if request.method == "GET":
        form = {name: _normalize(name, text, defaults[name]) for name, text in form.items()}
    window_s = _window_s(form)
    return {
        "upload": upload,
        "video_url": video_url(upload),
        "form": form,
        "usual": defaults,
        "hidden_options": OPTIONS_WITHOUT_CONTROLS,
        "ranges": RANGES,
        "has_chosen": any(form[name] != defaults[name] for name in COLLAPSED_OPTIONS),
        "window_s": window_s,
        "is_short": upload.info is not None and upload.info.duration_s <= window_s,
    }


def studio_defaults(upload: Upload) -> dict[str, str]:
    """Return the options that the studio of this clip has chosen at first, as form fields."""
    defaults = {**ConversionOptions().to_form(), "start_time": "0:00"}
    if upload.info and upload.info.duration_s < FLICKER_S:
        defaults["loop"] = Loop.BOOMERANG
    return defaults


def _normalize(name: str, text: str, default: str) -> str:
    """Return an option as the controls of the form have it, or the default of an invalid one."""
    if text == default or name == "start_time":
        return text  # the start is a text field, which says what is wrong
    try:
        return ConversionOptions.parse(**{name: text}).to_form()[name]
    except BadOptions:
        return default


def _window_s(form: dict[str, str]) -> float:
    """Return the length of the window that these options select. Invalid options fall back to defaults."""
    try:
        options = ConversionOptions.parse(**form)
    except BadOptions:
        options = ConversionOptions()
    return options.window_s
