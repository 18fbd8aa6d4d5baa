"""The commands in docs/scaling.md back up the database of several machines and restore it."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from chromi.storage import Bucket
from tests.support.nodes import run_web, run_worker
from tests.support.paths import ROOT
from tests.support.postgres_server import PROGRAMS
from tests.support.running_service import Service
from tests.support.service_client import curl_json, start_job, status_of, wait_for_end

pytestmark = pytest.mark.service


def run_documented(name: str, folder: Path, database_url: str) -> None:
    """Run the commands of a block in docs/scaling.md in this folder."""
    docs = (ROOT / "docs/scaling.md").read_text()
    [block] = re.findall(rf"<!-- test: {name} -->\n\n((?:    .+\n)+)", docs)
    environ = {"PATH": f"{PROGRAMS}:{os.environ['PATH']}", "CHROMI_DATABASE_URL": database_url}
    subprocess.run(["sh", "-ec", block], cwd=folder, env=os.environ | environ, check=True, timeout=60)


def make_background(service: Service, clip: Path) -> tuple[str, str]:
    """Return the id of a new background, and the path of a share link to it."""
    job_id = wait_for_end(service, start_job(service, clip, duration="1"))["job_id"]
    url: str = curl_json("-Fmax_uses=2", f"{service.url}/jobs/{job_id}/links/")["url"]
    return job_id, url.removeprefix(service.url)


def test_restored_database_serves_links_if_their_files_exist(
    servers: dict[str, str], tmp_path: Path, plain_clip: Path
) -> None:
    with run_web(tmp_path / "web", servers) as web, run_worker(tmp_path / "worker", servers):
        _, kept = make_background(web, plain_clip)
        expired_id, expired = make_background(web, plain_clip)
        run_documented("database backup", tmp_path, servers["database_url"])
        _, lost = make_background(web, plain_clip)
        Bucket(servers["storage_url"]).delete([f"results/{expired_id}.gif"], retry_s=0)  # as the cleanup does
    run_documented("database restore", tmp_path, servers["database_url"])
    with run_web(tmp_path / "new-web", servers) as web, run_worker(tmp_path / "new-worker", servers):
        assert [status_of(web.url + link) for link in (kept, expired, lost)] == [200, 410, 410]
        _, link = make_background(web, plain_clip)
        assert status_of(web.url + link) == 200
