"""The commands in docs/scaling.md back up the database of several machines and restore it."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from chromi.storage import Bucket, Storage
from tests.support.nodes import run_web, run_worker
from tests.support.paths import ROOT
from tests.support.postgres_server import PROGRAMS
from tests.support.running_service import Service
from tests.support.service_client import curl_json, start_job, status_of, wait_for_end
from tests.support.service_database import add_finished_job, open_server_rows

pytestmark = pytest.mark.service


def run_documented(name: str, folder: Path, database_url: str) -> None:
    """Run the commands of a block in docs/scaling.md in this folder."""
    docs = (ROOT / "docs/scaling.md").read_text()
    [block] = re.findall(rf"<!-- test: {name} -->\n\n((?:    .+\n)+)", docs)
    environ = {"PATH": f"{PROGRAMS}:{os.environ['PATH']}", "CHROMI_DATABASE_URL": database_url}
    subprocess.run(["sh", "-ec", block], cwd=folder, env=os.environ | environ, check=True, timeout=60)


def add_backgrounds(folder: Path, servers: dict[str, str], count: int) -> list[str]:
    """Add finished jobs with files in the bucket, and return their ids."""
    job_ids = []
    with open_server_rows(folder, servers["database_url"]):
        storage = Storage(folder, servers["storage_url"])
        storage.create_folders()
        for _ in range(count):
            job_id, _ = add_finished_job(storage, 1000)
            storage.publish(storage.result_path(job_id))
            job_ids.append(job_id)
    return job_ids


def create_link(service: Service, job_id: str) -> str:
    """Return the path of a new share link."""
    url: str = curl_json("-Fmax_uses=2", f"{service.url}/jobs/{job_id}/links/")["url"]
    return url.removeprefix(service.url)


def test_restored_database_serves_links_if_their_files_exist(
    servers: dict[str, str], tmp_path: Path, plain_clip: Path
) -> None:
    with run_web(tmp_path / "web", servers) as web:
        kept_id, expired_id = add_backgrounds(tmp_path / "files", servers, 2)
        kept, expired = create_link(web, kept_id), create_link(web, expired_id)
        run_documented("database backup", tmp_path, servers["database_url"])
        [lost_id] = add_backgrounds(tmp_path / "files", servers, 1)
        lost = create_link(web, lost_id)
        Bucket(servers["storage_url"]).delete([f"results/{expired_id}.gif"], retry_s=0)  # as the cleanup does
    run_documented("database restore", tmp_path, servers["database_url"])
    with run_web(tmp_path / "new-web", servers) as web, run_worker(tmp_path / "new-worker", servers):
        assert [status_of(web.url + link) for link in (kept, expired, lost)] == [200, 410, 410]
        job = wait_for_end(web, start_job(web, plain_clip, duration="1"))
        assert status_of(web.url + create_link(web, job["job_id"])) == 200
