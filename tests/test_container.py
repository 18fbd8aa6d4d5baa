"""The container image starts Chromi as its own user and on its own port; Fly gives it time to stop."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
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
        ["sh", ROOT / "docker-entrypoint.sh", *command],
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
    dockerfile, compose = ((ROOT / name).read_text() for name in ("Dockerfile", "compose.yaml"))
    [port] = re.findall(r"CHROMI_PORT=(\d+)", dockerfile)
    assert f"CHROMI_PORT={port} ;;" in (ROOT / "docker-entrypoint.sh").read_text()
    # `docker compose exec` runs as this user, too: root without capabilities cannot use the user's files.
    assert "\n    user: chromi" in compose
    assert "cap_drop: [ALL]" in compose
    assert "cap_add" not in compose
    assert "max-size" in compose


def test_fly_configuration_is_valid_and_allows_documented_stop_time() -> None:
    fly = tomllib.loads((ROOT / "fly.toml").read_text())
    [stop_s] = re.findall(r"`fly\.toml`[^.]*?and (\d+) s to stop", (ROOT / "docs/deploy.md").read_text())
    assert fly["kill_timeout"] == f"{stop_s}s" == "120s"
    assert int(fly["env"]["CHROMI_PORT"]) == fly["http_service"]["internal_port"]
