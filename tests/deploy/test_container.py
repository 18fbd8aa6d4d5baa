"""The container image starts Chromi as its own user and on its own port; Fly gives it time to stop."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import yaml

from tests.support.paths import ROOT
from tests.support.ports import find_free_port
from tests.support.running_service import Service, run_service

DEPLOY = ROOT / "deploy"
AS_PID_1 = [
    *("unshare", "--pid", "--fork", "--kill-child", "--mount-proc"),
    *(() if os.getuid() == 0 else ("--map-root-user",)),
]
"""Runs the command appended to it as PID 1 of its own namespace."""
PRINT_PORT = ("sh", "-c", "echo port $CHROMI_PORT")


def run_entrypoint(tmp_path: Path, *command: str, uid: int, port: str) -> list[str]:
    """Run the entry point with fake programs that print their arguments, and return the printed lines."""
    programs = {
        "id": f"echo {uid}",
        "chown": 'echo chown "$@"',
        "setpriv": 'echo setpriv "$1"; while [ "${1#--}" != "$1" ]; do shift; done; exec "$@"',
    }
    for name, script in programs.items():
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    completed = subprocess.run(
        ["sh", DEPLOY / "docker-entrypoint.sh", *command],
        env={"PATH": f"{tmp_path}:{os.defpath}", "CHROMI_PORT": port},
        capture_output=True,
        text=True,
        check=True,
    )
    return completed.stdout.splitlines()


def test_entrypoint_as_root_chowns_volume_and_drops_privileges(tmp_path: Path) -> None:
    printed = run_entrypoint(tmp_path, *PRINT_PORT, uid=0, port="9000")
    assert printed == ["chown chromi: /data", "setpriv --reuid=chromi", "port 9000"]


@pytest.mark.parametrize(("port", "used_port"), [("9000", "9000"), ("tcp://10.0.171.239:8000", "8080")])
def test_entrypoint_as_other_user_only_fixes_port(tmp_path: Path, port: str, used_port: str) -> None:
    assert run_entrypoint(tmp_path, *PRINT_PORT, uid=999, port=port) == [f"port {used_port}"]


def test_dockerfile_and_compose_agree_with_entrypoint() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    [port] = re.findall(r"CHROMI_PORT=(\d+)", dockerfile)
    assert f"CHROMI_PORT={port} ;;" in (DEPLOY / "docker-entrypoint.sh").read_text()
    service = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["chromi"]
    assert service["environment"]["CHROMI_PORT"] == port
    # `docker compose exec` runs as this user, too: root without capabilities cannot use the user's files.
    assert (service["user"], service["cap_drop"]) == ("chromi", ["ALL"])
    assert "cap_add" not in service
    assert service["logging"]["options"]["max-size"] == "10m"
    assert service["env_file"] == [{"path": "../.env", "required": False}]


def test_documented_containers_restart_and_stop_like_the_one_of_compose() -> None:
    docs = (ROOT / "docs/scaling.md").read_text().replace("\\\n", "")
    commands = re.findall(r"^    (docker .+)$", docs, re.MULTILINE)
    build, *runs = (shlex.split(command)[1:] for command in commands)
    assert build == ["build", "-f", "deploy/Dockerfile", "-t", "chromi", "."]
    service = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["chromi"]
    for run, program in zip(runs, ("web", "worker"), strict=True):
        assert run[0] == "run"
        assert run[-5:] == ["chromi", "python", "-m", "chromi", program]
        options = dict(pairwise(run))
        assert options["--restart"] == service["restart"]
        assert (options["--stop-timeout"], service["stop_grace_period"]) == ("120", "2m")
        assert [options["--volume"]] == service["volumes"]
        assert ("--no-healthcheck" in run) == (program == "worker")


def test_dockerfile_copies_existing_files_and_pins_base_image() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text().replace("\\\n", "")
    bases = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-bookworm@sha256:[0-9a-f]{64}", bases[0])
    assert set(bases[1:]) == {"base"}
    copies = [shlex.split(line)[1:-1] for line in re.findall(r"^COPY [^-].*", dockerfile, re.MULTILINE)]
    for source in (source for sources in copies for source in sources):
        assert (ROOT / source).exists(), source


def test_fly_configuration_is_valid_and_allows_documented_stop_time() -> None:
    fly = tomllib.loads((ROOT / "fly.toml").read_text())
    assert fly["kill_timeout"] == "120s"
    assert int(fly["env"]["CHROMI_PORT"]) == fly["http_service"]["internal_port"]
    assert (ROOT / fly["build"]["dockerfile"]).is_file()


def test_render_blueprint_keeps_data_on_disk_and_allows_documented_stop_time() -> None:
    [service] = yaml.safe_load((DEPLOY / "render.yaml").read_text())["services"]
    dockerfile = (ROOT / service["dockerfilePath"]).read_text()
    values = {each["key"]: each["value"] for each in service["envVars"]}
    assert f"CHROMI_PORT={values['PORT']} " in dockerfile
    assert f"CHROMI_INSTANCE={service['disk']['mountPath']}\n" in dockerfile
    assert service["maxShutdownDelaySeconds"] == 120


@pytest.mark.service
def test_service_stops_cleanly_as_pid_1(tmp_path: Path) -> None:
    """A container has no init process, and the kernel drops signals that PID 1 does not expect."""
    service = run_service(tmp_path / "instance", {}, wrapper=AS_PID_1)
    try:
        terminate_pid_1(service.process)
        assert service.process.wait(30) == 0
    finally:
        service.process.kill()


@pytest.mark.service
@pytest.mark.parametrize("command", ["serve", "web"])
def test_start_as_pid_1_ends_on_sigterm(tmp_path: Path, command: str) -> None:
    environ = {
        "CHROMI_INSTANCE": str(tmp_path / "instance"),
        "CHROMI_DATABASE_URL": f"postgresql://chromi@127.0.0.1:{find_free_port()}/chromi",
        "CHROMI_SECRET_KEY": "a key for all machines",
    }
    with subprocess.Popen(
        [*AS_PID_1, sys.executable, "-m", "chromi", command],
        cwd=ROOT,
        env=os.environ | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            assert process.stdout
            assert "cannot be reached. Retrying" in process.stdout.readline()
            terminate_pid_1(process)
            assert process.wait(20) == 0
        finally:
            process.kill()


def terminate_pid_1(process: subprocess.Popen[str]) -> None:
    """Send SIGTERM to the program that AS_PID_1 runs in this process's child."""
    [program] = psutil.Process(process.pid).children()
    status = Path(f"/proc/{program.pid}/status").read_text()
    assert f"NSpid:\t{program.pid}\t1\n" in status
    program.send_signal(signal.SIGTERM)


@pytest.mark.service
def test_health_check_of_image_fails_when_service_stops(start_service: Callable[..., Service]) -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text().replace("\\\n", "")
    [command] = re.findall(r"^HEALTHCHECK .*? CMD (\[.*\])$", dockerfile, re.MULTILINE)
    program, *arguments = json.loads(command)
    assert program == "python"
    service = start_service(("-m", "chromi", "web"), inline="true")

    def check() -> int:
        environ = {"CHROMI_PORT": str(urlsplit(service.url).port)}
        return subprocess.run([sys.executable, *arguments], env=environ, stderr=subprocess.DEVNULL).returncode

    assert check() == 0
    service.stop()
    assert check() == 1
