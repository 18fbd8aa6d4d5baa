"""Fixtures for all tests: settings, storage, the application, clips, jobs and running services."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from chromi import create_app, encoder, log
from chromi.config import Settings
from chromi.db import Job, Link, Upload, database, open_database
from chromi.db.connection import configure_database
from chromi.encoder import ConversionOptions, ConversionResult, VideoInfo
from chromi.environment import ENV_FILE
from chromi.storage import Storage, new_id
from chromi.web.http import static_files
from tests.support.canary import Canary
from tests.support.clips import ffmpeg, make_clip
from tests.support.compile_cache import BytecodeDict, share_url_builders
from tests.support.flask_client import BufferedClient
from tests.support.http_forms import PostForm, form
from tests.support.log_capture import LogCapture, LogLines
from tests.support.postgres_server import PostgresServer, run_postgres
from tests.support.redis_server import RedisServer, run_redis
from tests.support.running_service import SERVE, Service, end_service, run_service
from tests.support.s3_server import S3Server, run_s3


@pytest.fixture(autouse=True, scope="session")
def read_static_files_once() -> Iterator[None]:
    """Let all applications share the static files, which would take a third of the time to create one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(static_files, "Assets", cache(static_files.Assets))
        yield


@pytest.fixture(autouse=True, scope="session")
def compile_templates_and_url_rules_once() -> Iterator[None]:
    """Let all applications share compiled templates and URL builders.

    Compiling them would take a fresh application 30 ms for its rules and 50 ms for the first page.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Flask, "jinja_options", {"bytecode_cache": BytecodeDict()})
        patch.setattr(Rule, "_compile_builder", share_url_builders(Rule._compile_builder))
        yield


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove all settings, and do not read the developer's `.env`."""
    for name in [name for name in os.environ if name.startswith("CHROMI_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv(ENV_FILE, os.devnull)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with which jobs run inside the request, so a test sees their result."""
    return Settings(instance=tmp_path / "instance", inline=True)


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    app = create_app(settings)
    yield app
    app.extensions["chromi"].background.shutdown()
    database.close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client that identifies itself as curl."""
    app.test_client_class = BufferedClient
    client = app.test_client()
    client.environ_base["HTTP_USER_AGENT"] = "curl/8.5.0"
    return client


@pytest.fixture
def storage(settings: Settings) -> Storage:
    return Storage(settings.instance)


@pytest.fixture
def canary() -> Iterator[Canary]:
    canary = Canary()
    yield canary
    canary.close()


# -- servers -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with run_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def migrated_postgres_url(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    url = postgres.create_database()
    open_database(tmp_path_factory.mktemp("instance"), url)
    configure_database(tmp_path_factory.mktemp("instance"), "")
    return url


@pytest.fixture
def postgres_url(postgres: PostgresServer, migrated_postgres_url: str) -> str:
    """The URL of a database as a service creates it. Creating one for each test would take 100 ms."""
    postgres.reset_database(migrated_postgres_url)
    return migrated_postgres_url


@pytest.fixture(scope="session")
def redis() -> Iterator[RedisServer]:
    with run_redis() as server:
        yield server


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    """A server for the tests of one module, which may stop it. Clients need CREDENTIALS."""
    with run_s3() as server:
        yield server


@pytest.fixture
def postgres_settings(postgres: PostgresServer) -> dict[str, str]:
    """Settings for an empty database, which also holds the queue."""
    return {"database_url": postgres.create_database(), "secret_key": "a key for all machines"}


@pytest.fixture
def redis_settings(postgres_settings: dict[str, str], redis: RedisServer) -> dict[str, str]:
    """Settings for an empty database and an empty Redis for the queue."""
    return postgres_settings | {"queue_url": redis.clear()}


# -- clips and jobs ------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds of moving colors with a counter, 640x360 H.264, with key frames for fast seeking."""
    return make_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", seconds=8, options=("-g", "12"))


@pytest.fixture(scope="session")
def plain_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds of four moving solid colors; the fastest clip to convert."""
    path = tmp_path_factory.mktemp("clips") / "plain.mp4"
    return make_clip(path, seconds=8, size="320x180", pattern="quadrants", filters="scroll=h=0.01")


@pytest.fixture(scope="session")
def heavy_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds of noise, whose conversion takes long enough to be interrupted."""
    folder = tmp_path_factory.mktemp("clips")
    one = make_clip(folder / "one.mp4", seconds=1, size="1280x720", noise=True, options=("-crf", "40"))
    ffmpeg("-stream_loop", "9", "-i", one, "-c", "copy", folder / "heavy.mp4")
    return folder / "heavy.mp4"


@pytest.fixture(scope="session")
def finished_files(
    clip: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path, ConversionResult]:
    """A real GIF of one second, its source frame as JPEG, and the result of the conversion."""
    folder = tmp_path_factory.mktemp("finished")
    gif_path, poster = folder / "finished.gif", folder / "finished.jpg"
    options = ConversionOptions(duration_s=1.0)
    return gif_path, poster, encoder.convert(clip, gif_path, options, work_dir=folder / "work", poster=poster)


@pytest.fixture
def convert(client: FlaskClient, plain_clip: Path) -> PostForm:
    """POST /convert/, with `plain_clip` unless another video is given."""

    def post(video: Path | bytes | None = plain_clip, **fields: str) -> TestResponse:
        return client.post("/convert/", **form(video, **fields))

    return post


@pytest.fixture(scope="session")
def plain_clip_info(plain_clip: Path) -> VideoInfo:
    return encoder.probe_video(plain_clip)


@pytest.fixture
def upload(app: Flask, storage: Storage, plain_clip: Path, plain_clip_info: VideoInfo) -> str:
    """The id of an upload of `plain_clip` by a client on this machine, as POST /uploads/ leaves it."""
    upload_id = new_id()
    shutil.copy(plain_clip, storage.upload_path(upload_id))
    Upload.create(id=upload_id, length_bytes=plain_clip.stat().st_size, info_json=plain_clip_info.to_dict())
    return upload_id


@pytest.fixture
def job(client: FlaskClient, storage: Storage, finished_files: tuple[Path, Path, ConversionResult]) -> Job:
    """A finished job as a worker leaves it, with the result page's own link; its upload has been removed."""
    gif_path, poster, result = finished_files
    job = Job.create(options_json=ConversionOptions(duration_s=1.0).to_dict())
    shutil.copy(gif_path, storage.result_path(job.id))
    shutil.copy(poster, storage.source_frame_path(job.id))
    running = Job.claim(job.id, "worker-1")
    assert running
    assert running.succeed({"result": result.to_dict()})
    Link.create(job=job, expires_at=time.time() + 3600, shared=False)
    return Job.find(job.id)


# -- logs and services ---------------------------------------------------------------------------------------


@pytest.fixture
def log_lines() -> Iterator[LogLines]:
    """The lines that Chromi logs during the test, as a list that grows."""
    capture, logger = LogCapture(), logging.getLogger("chromi")
    level = logger.level
    logger.addHandler(capture)
    logger.setLevel(logging.INFO)
    yield capture.lines
    logger.removeHandler(capture)
    logger.setLevel(level)
    log.reset_context()


@pytest.fixture
def start_service(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """A function that starts a service; all services stop at the end of the test."""
    started: list[Service] = []

    def start(command: tuple[str, ...] = SERVE, **settings: str) -> Service:
        service = run_service(tmp_path / f"instance{len(started)}", settings, command)
        started.append(service)
        return service

    yield start
    for service in started:
        end_service(service)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all tests of a module; none of them may damage it."""
    service = run_service(tmp_path_factory.mktemp("service") / "instance", {})
    yield service
    end_service(service)
