"""What the tests of the HTTP interface share."""

import io
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from chromi.db import Job, Link
from chromi.encoder import ConversionOptions, ConversionResult
from chromi.storage import Storage

PAGE = {"Accept": "text/html"}
FRAGMENT = {"Accept": "text/html", "HX-Request": "true"}

Post = Callable[..., TestResponse]


def form(
    video: Path | bytes | None, *, field: str = "video", name: str = "clip.mp4", **fields: str
) -> dict[str, Any]:
    """The arguments of a POST that sends this form; `video` is a path or bytes, None sends no file."""
    values: dict[str, Any] = dict(fields)
    if video is not None:
        content = video.read_bytes() if isinstance(video, Path) else video
        values[field] = FileStorage(io.BytesIO(content), name)
    boundary, body = encode_multipart(values)
    return {"data": body, "content_type": f"multipart/form-data; boundary={boundary}"}


@pytest.fixture
def convert(client: FlaskClient, clip: Path) -> Post:
    """POST /convert/ as curl does, with the usual clip if none is given."""

    def post(video: Path | bytes | None = clip, **fields: str) -> TestResponse:
        return client.post("/convert/", **form(video, **fields))

    return post


@pytest.fixture
def upload(client: FlaskClient, clip: Path) -> str:
    """A clip that was uploaded; its id."""
    answer = client.post("/uploads/", **form(clip))
    assert answer.status_code == 201
    upload_id: str = answer.get_json()["upload_id"]
    return upload_id


@pytest.fixture
def job(client: FlaskClient, storage: Storage, finished_files: tuple[Path, Path, ConversionResult]) -> Job:
    """A finished job of an upload that is gone, with its own link, as a worker leaves it."""
    gif_path, poster, result = finished_files
    job = Job.create(options_json=ConversionOptions(duration_s=1.0).to_dict())
    shutil.copy(gif_path, storage.result_path(job.id))
    shutil.copy(poster, storage.source_frame_path(job.id))
    running = Job.claim(job.id, "worker-1")
    assert running
    assert running.succeed({"result": result.to_dict()})
    Link.create(job=job, expires_at=time.time() + 3600, shared=False)
    return Job.find(job.id)


@pytest.fixture
def gif(job: Job, storage: Storage) -> bytes:
    return storage.result_path(job.id).read_bytes()


@pytest.fixture
def own_url(client: FlaskClient, job: Job) -> str:
    url: str = client.get(f"/jobs/{job.id}/").get_json()["converted_url"]
    return url


def files_in(storage: Storage) -> list[str]:
    """Every file in the media folder."""
    folders = (storage.uploads, storage.frames, storage.work, storage.results)
    return sorted(str(path) for folder in folders for path in folder.rglob("*"))
