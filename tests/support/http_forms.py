"""Build form requests, and list the files that requests leave behind."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from chromi.storage import Storage

PAGE = {"Accept": "text/html"}
"""Headers of a browser that navigates to a page."""

FRAGMENT = {"Accept": "text/html", "HX-Request": "true"}
"""Headers of an HTMX request."""

LAST_FRAMES = {"start_time": "7.8", "duration": "1"}
"""Options for the last frames of a clip of eight seconds: the fastest conversion of `plain_clip`."""

PostForm = Callable[..., TestResponse]


def form(
    video: Path | bytes | None, *, field: str = "video", name: str = "clip.mp4", **fields: str
) -> dict[str, Any]:
    """Return the arguments of a POST that sends this multipart form. If `video` is None, it has no file."""
    values: dict[str, Any] = dict(fields)
    if video is not None:
        content = video.read_bytes() if isinstance(video, Path) else video
        values[field] = FileStorage(io.BytesIO(content), name)
    # Werkzeug's own boundary is longer than the 70 characters that RFC 2046 allows in one form of 400.
    boundary, body = encode_multipart(values, boundary=uuid4().hex)
    return {"data": body, "content_type": f"multipart/form-data; boundary={boundary}"}


def files_in(storage: Storage) -> list[str]:
    """List every path in the media folders."""
    folders = (storage.uploads, storage.frames, storage.work, storage.results)
    return sorted(str(path) for folder in folders for path in folder.rglob("*"))
