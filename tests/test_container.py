"""How the image starts Chromi: as its own user, on its own port."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHOW_PORT = ("sh", "-c", "echo port $CHROMI_PORT")


def start_image(tmp_path: Path, *command: str, uid: int, port: str) -> list[str]:
    """Run the entry point with programs that only say what they were asked to do; gives what is printed."""
    programs = {
        "id": f"echo {uid}",
        "chown": 'echo chown "$@"',
        "setpriv": 'echo setpriv "$1"; while [ "${1#--}" != "$1" ]; do shift; done; exec "$@"',
    }
    for name, script in programs.items():
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    done = subprocess.run(
        ["sh", ROOT / "docker-entrypoint.sh", *command],
        env={"PATH": f"{tmp_path}:{os.defpath}", "CHROMI_PORT": port},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_entrypoint_as_root_chowns_volume_and_drops_privileges(tmp_path: Path) -> None:
    said = start_image(tmp_path, *SHOW_PORT, uid=0, port="9000")
    assert said == ["chown chromi: /data", "setpriv --reuid=chromi", "port 9000"]


@pytest.mark.parametrize(("port", "used"), [("9000", "9000"), ("tcp://10.0.171.239:8000", "8080")])
def test_entrypoint_as_other_user_only_fixes_port(tmp_path: Path, port: str, used: str) -> None:
    assert start_image(tmp_path, *SHOW_PORT, uid=999, port=port) == [f"port {used}"]


def test_dockerfile_and_compose_agree_with_entrypoint() -> None:
    dockerfile, compose = ((ROOT / name).read_text() for name in ("Dockerfile", "compose.yaml"))
    [port] = re.findall(r"CHROMI_PORT=(\d+)", dockerfile)
    assert f"CHROMI_PORT={port} ;;" in (ROOT / "docker-entrypoint.sh").read_text()
    # `docker compose exec` runs as this user, too: root without capabilities cannot use the user's files.
    assert "\n    user: chromi" in compose
    assert "cap_drop: [ALL]" in compose
    assert "cap_add" not in compose
    assert "max-size" in compose
