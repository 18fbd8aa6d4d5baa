"""What the tests of the HTTP interface share."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chromi.storage import Storage

PAGE = {"Accept": "text/html"}
FRAGMENT = {"Accept": "text/html", "HX-Request": "true"}

Post = Callable[..., TestResponse]


@pytest.fixture
def convert(client: FlaskClient, clip: Path) -> Post:
    """POST /convert/ as curl does; `video` is a path, bytes or None."""

    def post(video: Path | bytes | None = clip, *, name: str = "clip.mp4", **form: object) -> TestResponse:
        if video is not None:
            content = video.read_bytes() if isinstance(video, Path) else video
            form["video"] = (io.BytesIO(content), name)
        return client.post("/convert/", data=form)

    return post


@pytest.fixture
def upload(client: FlaskClient, clip: Path) -> str:
    """A clip that was uploaded; its id."""
    answer = client.post("/uploads/", data={"video": (io.BytesIO(clip.read_bytes()), "clip.mp4")})
    assert answer.status_code == 201
    upload_id: str = answer.get_json()["upload_id"]
    return upload_id


def files_in(storage: Storage) -> list[str]:
    """Every file in the media folder."""
    folders = (storage.uploads, storage.work, storage.results)
    return sorted(str(path) for folder in folders for path in folder.rglob("*"))
