"""What the tests share: settings on a folder of their own, the application, clips, the running service."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chromi import create_app, encoder, log
from chromi.config import Settings
from chromi.db import database
from chromi.encoder import ConversionOptions, ConversionResult
from chromi.storage import Storage, files_in
from tests.support.canary import Canary
from tests.support.clips import ffmpeg, make_clip
from tests.support.waiting import wait_for

ROOT = Path(__file__).resolve().parent.parent
SERVE = ("-m", "chromi", "serve")
READY = re.compile(r"Chromi is at (http://\S+?)/ ")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CHROMI_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Jobs run inside the request, so that a test sees their end."""
    return Settings(instance=tmp_path / "instance", inline=True)


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    app = create_app(settings)
    yield app
    app.extensions["chromi"].background.shutdown()
    database.close()


class Client(FlaskClient):
    """Reads every answer to its end and closes it, as a server does, unless a test wants to do so itself."""

    def open(self, *args: Any, buffered: bool = True, **kwargs: Any) -> TestResponse:
        return super().open(*args, buffered=buffered, **kwargs)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Asks as curl does, unless a test says otherwise."""
    app.test_client_class = Client
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


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds of moving colors with a counter, 640x360 H.264."""
    return make_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", seconds=8)


@pytest.fixture(scope="session")
def plain_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds of four colors that move along: the least work that a conversion can have."""
    path = tmp_path_factory.mktemp("clips") / "plain.mp4"
    return make_clip(path, seconds=8, size="320x180", pattern="quadrants", filters="scroll=h=0.01")


@pytest.fixture(scope="session")
def heavy_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds of noise: it takes long enough to be caught in the middle."""
    folder = tmp_path_factory.mktemp("clips")
    one = make_clip(folder / "one.mp4", seconds=1, size="1280x720", noise=True, options=("-crf", "40"))
    ffmpeg("-stream_loop", "9", "-i", one, "-c", "copy", folder / "heavy.mp4")
    return folder / "heavy.mp4"


@pytest.fixture(scope="session")
def finished_files(
    clip: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path, ConversionResult]:
    """One GIF of one second as the encoder makes it, and its first picture before."""
    folder = tmp_path_factory.mktemp("finished")
    gif_path, poster = folder / "made.gif", folder / "made.jpg"
    options = ConversionOptions(duration_s=1.0)
    return gif_path, poster, encoder.convert(clip, gif_path, options, work_dir=folder / "work", poster=poster)


Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def written() -> Iterator[Lines]:
    """What our loggers have written so far, as the service writes it."""
    texts: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            texts.append(self.format(record))

    keeper, logger = Keeper(), logging.getLogger("chromi")
    keeper.setFormatter(log.JsonFormatter())
    level = logger.level
    logger.addHandler(keeper)
    logger.setLevel(logging.INFO)
    yield lambda: [json.loads(text) for text in texts]
    logger.removeHandler(keeper)
    logger.setLevel(level)
    log.reset_context()


@dataclass
class Service:
    """A Chromi as its host runs it: `python -m chromi serve`, or one of its other commands."""

    process: subprocess.Popen[str]
    url: str
    instance: Path
    log: list[str]

    def tree(self) -> list[psutil.Process]:
        """The supervisor and all that it started, directly or not."""
        supervisor = psutil.Process(self.process.pid)
        return [supervisor, *supervisor.children(recursive=True)]

    def media(self) -> list[Path]:
        return list(files_in(self.instance / "media"))

    def stop(self, signum: int = signal.SIGTERM, timeout_s: float = 30) -> int:
        self.process.send_signal(signum)
        return self.process.wait(timeout_s)


@pytest.fixture
def start_service(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Start services; whatever a test leaves running is killed with all its processes."""
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
    """One service for all tests of a module that do not harm it."""
    service = run_service(tmp_path_factory.mktemp("service") / "instance", {})
    yield service
    end_service(service)


def run_service(
    instance: Path,
    settings: dict[str, str],
    command: tuple[str, ...] = SERVE,
    *,
    inside: Sequence[str] = (),
) -> Service:
    """Start it; `inside` is a program that runs the command given after its own arguments."""
    environ = {name: text for name, text in os.environ.items() if not name.startswith("CHROMI_")}
    environ |= {"CHROMI_INSTANCE": str(instance), "CHROMI_PORT": "0"}
    environ |= {f"CHROMI_{name.upper()}": text for name, text in settings.items()}
    process = subprocess.Popen(
        [*inside, sys.executable, *command],
        cwd=ROOT,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    log: list[str] = []
    threading.Thread(target=_collect, args=(process, log), daemon=True).start()
    service = Service(process, "", instance, log)
    try:
        wait_for(lambda: READY.search("".join(log)) or process.poll() is not None, "its start", timeout_s=60)
        found = READY.search("".join(log))
        assert found, "".join(log)
    except BaseException:
        process.kill()  # nobody else knows of it
        raise
    service.url = found[1]
    return service


def end_service(service: Service) -> None:
    if service.process.poll() is None:
        family = service.tree()
        service.process.send_signal(signal.SIGINT)  # at once, without waiting for a running job
        try:
            service.process.wait(20)
        except subprocess.TimeoutExpired:
            for member in family:
                if member.is_running():
                    member.kill()
            service.process.wait(10)


def _collect(process: subprocess.Popen[str], log: list[str]) -> None:
    assert process.stdout
    with process.stdout as lines:
        for line in lines:
            log.append(line)
