"""The scripts in docs/recipes.md work as they are, except for the server's address.

The worker draws frames instead of converting. test_http_api.py converts a clip with the same requests.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
import yaml
from PIL import Image

from chromi.jobs import webhook_request
from chromi.jobs.webhook_delivery import signed_headers
from tests.support.consumers import run_consumer
from tests.support.paths import ROOT
from tests.support.running_service import Service, end_service, run_service
from tests.support.waiting import wait_for
from tests.support.webhook_target import SECRET

pytestmark = [
    pytest.mark.service,
    pytest.mark.skipif(not shutil.which("jq") and os.environ.get("CI") != "true", reason="needs jq"),
]

RECIPES = (ROOT / "docs/recipes.md").read_text()
ADDRESS = "https://chromi.example.org"


def script_of(heading: str, url: str = ADDRESS) -> str:
    """Return the code below a heading, with the address of a running service."""
    match = re.search(rf"^## {heading}$.*?^```\w+\n(.*?)^```$", RECIPES, re.MULTILINE | re.DOTALL)
    assert match
    return match[1].replace(ADDRESS, url)


def run(*command: str, folder: Path, **environ: str) -> None:
    done = subprocess.run(
        command, cwd=folder, env=os.environ | environ, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr + done.stdout


def frames_of(gif_path: Path) -> int:
    with Image.open(gif_path) as gif:
        return int(gif.n_frames)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The web server, and a consumer whose jobs take no time."""
    web = run_service(tmp_path_factory.mktemp("service") / "instance", {}, ("-m", "chromi", "web"))
    with run_consumer(web.instance, "tests.support.drawing_worker"):
        yield web
    end_service(web)


@pytest.fixture
def folder(tmp_path: Path, plain_clip: Path) -> Path:
    """A folder that contains a clip."""
    shutil.copy(plain_clip, tmp_path / "clip.mp4")
    return tmp_path


def test_curl_converts_a_clip(service: Service, folder: Path) -> None:
    run("bash", "-c", script_of("Convert a clip with curl", service.url), folder=folder)
    assert frames_of(folder / "background.gif") == 48


def test_curl_reports_a_failure(service: Service, folder: Path) -> None:
    (folder / "clip.mp4").write_bytes(b"not a video")
    with pytest.raises(AssertionError, match="415"):
        run("bash", "-c", script_of("Convert a clip with curl", service.url), folder=folder)


def test_curl_converts_several_windows(service: Service, folder: Path) -> None:
    run("bash", "-c", script_of("Convert several windows of a clip with curl", service.url), folder=folder)
    with ZipFile(folder / "backgrounds.zip") as archive:
        assert len(archive.namelist()) == 2
        archive.extractall(folder)
        assert [frames_of(folder / name) for name in archive.namelist()] == [24, 24]


def test_python_converts_a_clip(service: Service, folder: Path) -> None:
    (folder / "convert.py").write_text(script_of("Convert a clip with Python", service.url))
    run(sys.executable, "convert.py", "clip.mp4", "background.gif", folder=folder)
    assert frames_of(folder / "background.gif") == 48


def test_github_action_converts_a_clip(service: Service, folder: Path) -> None:
    workflow = yaml.safe_load(script_of("Convert a clip in a GitHub Action", service.url))
    job = workflow["jobs"]["background"]
    environ = job["env"] | {"CHROMI_TOKEN": "secret-token-of-tests", "GITHUB_RUN_ID": "17"}
    for step in job["steps"]:
        if "run" in step:
            run("bash", "-eo", "pipefail", "-c", step["run"], folder=folder, **environ)
    assert frames_of(folder / job["steps"][-1]["with"]["path"]) == 48


def test_python_receives_a_webhook(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_request, "is_public", lambda address: True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "receive.py").write_text(script_of("Receive a webhook with Python"))
    receiver = subprocess.Popen(
        [sys.executable, "receive.py"],
        cwd=folder,
        env=os.environ | {"WEBHOOK_SECRET": SECRET, "PORT": str(port)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        body = '{"type": "job.success", "data": {"status_url": "/jobs/1/"}}'
        wait_for(lambda: _accepts(port), "the receiver")
        url = f"http://127.0.0.1:{port}/"
        assert webhook_request.send(url, body.encode(), signed_headers("1", body, SECRET)) == 204
        assert receiver.stdout
        assert receiver.stdout.readline() == "job.success /jobs/1/\n"
        forged = signed_headers("1", body, f"whsec_{'A' * 40}")
        assert webhook_request.send(url, body.encode(), forged) == 400
    finally:
        receiver.kill()
        receiver.communicate()


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
