"""The commands in docs/operations.md back up a running service and restore it.

systemctl and docker are replaced with scripts that run the units' and the container's commands directly.
"""

import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from chromi.db import open_database
from tests.support.nodes import WEB
from tests.support.paths import ROOT
from tests.support.running_service import Service
from tests.support.service_client import curl, curl_json
from tests.support.service_database import add_result

pytestmark = pytest.mark.service

DOCUMENTED_FILE = re.compile(r"chromi-2026-11-21(T030000)?\.tar")
FAKE_DOCKER = """#!/bin/sh
# Run the container's command on this machine, with the volume at $VOLUME.
set -e
[ "$1 $2 $3" = "compose -f deploy/compose.yaml" ]
shift 3
case "$1" in
exec | run)
    while [ "$1" != chromi ]; do shift; done
    shift
    for argument do
        shift
        set -- "$@" "$(echo "$argument" | sed "s|^/data|$VOLUME|")"
    done
    [ "$1" != python ] || cd "$REPOSITORY"
    exec "$@" ;;
cp) cp "$VOLUME/${2#chromi:/data/}" "$3" ;;
down) [ "$2" = --volumes ]; rm -r "$VOLUME"; mkdir -m 700 "$VOLUME" ;;
up) ;;
*) exit 1 ;;
esac
"""


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A folder in place of /, with the programs bin/systemctl, bin/docker and bin/chown."""
    programs = {
        "docker": FAKE_DOCKER,
        "systemctl": f'#!/bin/sh\n[ "$2" != chromi-backup ] || exec sh -e {tmp_path}/backup.sh\n',
        "chown": "#!/bin/sh\n",  # the tests' system has no user chromi
        "python": f'#!/bin/sh\nexec {sys.executable} "$@"\n',
    }
    (tmp_path / "bin").mkdir()
    for name, script in programs.items():
        (tmp_path / "bin" / name).write_text(script)
        (tmp_path / "bin" / name).chmod(0o755)
    (tmp_path / "lib/chromi-backups").mkdir(parents=True)
    (tmp_path / "backup.sh").write_text(backup_unit_as_script(tmp_path))
    (tmp_path / "chromi.env").write_text(f"CHROMI_INSTANCE={tmp_path}/lib/chromi\n")
    return tmp_path


def backup_unit_as_script(host: Path) -> str:
    """Return the commands of chromi-backup.service as a shell script."""
    unit = (ROOT / "deploy/chromi-backup.service").read_text()
    commands = re.findall(r"^ExecStart(?:Post)?=(.+)$", unit, re.MULTILINE)
    script = "\n".join(commands).replace("$$", "$").replace("%%", "%")
    script = script.replace("/var/lib/", f"{host}/lib/").replace(".venv/bin/python", sys.executable)
    return f"cd {ROOT}\nexport CHROMI_ENV_FILE={host}/chromi.env\n{script}\n"


def run_documented(host: Path, name: str, file: Path, volume: Path) -> None:
    """Run the commands of a block in docs/operations.md on this host and on this backup file."""
    docs = (ROOT / "docs/operations.md").read_text()
    [block] = re.findall(rf"<!-- test: {name} -->\n\n((?:    .+\n)+)", docs)
    script = DOCUMENTED_FILE.sub(file.name, block).replace("/var/lib/", f"{host}/lib/")
    environ = {"PATH": f"{host}/bin:{os.environ['PATH']}", "VOLUME": str(volume), "REPOSITORY": str(ROOT)}
    environ |= {"CHROMI_INSTANCE": str(volume)}
    subprocess.run(["sh", "-ec", script], cwd=host, env=os.environ | environ, check=True, timeout=60)


@pytest.mark.parametrize("name", ["systemd", "docker"])
def test_documented_backup_and_restore_keep_links(
    start_service: Callable[..., Service], host: Path, name: str
) -> None:
    instance = host / "lib/chromi"
    service = start_service(WEB, instance=str(instance))
    service.instance = instance
    job_id, content = add_result(service, 1_000_000)
    link = curl_json("-Fmax_uses=2", f"{service.url}/jobs/{job_id}/links/")["url"].removeprefix(service.url)
    run_documented(host, f"{name} backup", Path("chromi-new.tar"), instance)
    [file] = [*host.glob("lib/chromi-backups/*.tar"), *host.glob("*.tar")]
    with tarfile.open(file) as archive:
        assert "chromi.db" in archive.getnames()
    lost_id, _ = add_result(service, 1000)
    service.stop()

    run_documented(host, f"{name} restore", file, instance)
    restored = start_service(WEB, instance=str(instance))
    assert curl(f"-o{host}/background.gif", restored.url + link) == ""
    assert (host / "background.gif").read_bytes() == content
    assert curl_json(f"{restored.url}/jobs/{lost_id}/")["error"]["code"] == "not_found"


def test_backup_unit_deletes_only_old_backups(host: Path) -> None:
    open_database(host / "lib/chromi")
    folder = host / "lib/chromi-backups"
    old, partial, recent = (
        folder / "chromi-1.tar",
        folder / ".chromi-2.tar.1.partial",
        folder / "chromi-3.tar",
    )
    for path, days in ((old, 8), (partial, 8), (recent, 5)):
        path.touch()
        subprocess.run(["touch", "-d", f"{days} days ago", path], check=True)
    subprocess.run(["sh", "-e", host / "backup.sh"], check=True, timeout=60)
    assert not old.exists()
    assert not partial.exists()
    assert recent.exists()
    assert len(list(folder.iterdir())) == 2
