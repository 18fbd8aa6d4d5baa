"""What goes wrong between machines delays requests and jobs, or is reported, and nothing is lost."""

import json
import os
import time
from pathlib import Path

import pytest
import requests

from chromi.config import MB
from chromi.storage import MIN_FREE_BYTES
from tests.support.broken_s3 import failing_s3
from tests.support.nodes import run_web, run_worker, worker_log
from tests.support.reverse_proxies import run_load_balancer
from tests.support.s3_server import S3Server
from tests.support.service_client import curl, curl_json, get_job, wait_for_end
from tests.support.service_database import make_job_older, open_server_rows
from tests.support.waiting import wait_for

pytestmark = pytest.mark.service

OUTAGE_S = 20
TUS = {"Tus-Resumable": "1.0.0"}
CHUNK = TUS | {"Content-Type": "application/offset+octet-stream"}
MOUNT_AND_RUN = 'mount -t tmpfs -o size="$1" tmpfs "$2" && shift 2 && exec "$@"'


@pytest.mark.timeout(240)
def test_failing_bucket_delays_jobs_and_rejects_uploads(
    servers: dict[str, str], s3: S3Server, tmp_path: Path, plain_clip: Path
) -> None:
    """S3 answers 500 for 20 s. Afterwards, everything works without a restart."""
    with run_web(tmp_path / "web", servers) as web, run_worker(tmp_path / "worker", servers) as worker:
        upload_url = web.url + curl_json(f"-Fvideo=@{plain_clip}", f"{web.url}/uploads/")["url"]
        wait_for(lambda: curl_json(f"{web.url}/health/")["worker"]["ok"], "the worker's first heartbeat")
        with failing_s3(s3):
            started_at = time.monotonic()
            job_id = curl_json("-Fduration=1", f"{upload_url}jobs/")["job_id"]
            body, _, status = curl(
                "-w", "\n%{http_code}", f"-Fvideo=@{plain_clip}", f"{web.url}/uploads/"
            ).rpartition("\n")
            assert (status, json.loads(body)["error"]["code"]) == ("503", "busy")
            health = curl_json(f"{web.url}/health/")
            assert (health["storage"]["ok"], health["database"]["ok"]) == (False, True)
            assert "internal error" in health["storage"]["detail"]
            wait_for(lambda: time.monotonic() > started_at + OUTAGE_S, "the end of the outage")
            assert get_job(web, job_id)["status"] in ("queued", "in_progress")
        job = wait_for_end(web, job_id)
        assert (job["status"], job["result"]["frames"]) == ("success", 24)
        assert curl(web.url + job["converted_url"], "-o", os.devnull, "-w", "%{http_code}") == "200"
        assert curl_json(f"-Fvideo=@{plain_clip}", f"{web.url}/uploads/")["url"]
        wait_for(lambda: curl_json(f"{web.url}/health/")["storage"]["ok"], "the bucket")
        assert (web.process.poll(), worker.poll()) == (None, None)


def test_machine_with_a_full_disk_leaves_jobs_to_others(
    servers: dict[str, str], tmp_path: Path, plain_clip: Path
) -> None:
    folder = tmp_path / "full"
    folder.mkdir()
    namespace = ("unshare", "--mount", *(() if os.getuid() == 0 else ("--map-root-user",)))
    size_bytes = MIN_FREE_BYTES - 20 * MB
    full_disk = (*namespace, "sh", "-c", MOUNT_AND_RUN, "sh", str(size_bytes), str(folder))
    with run_web(tmp_path / "web", servers) as web:
        upload_url = web.url + curl_json(f"-Fvideo=@{plain_clip}", f"{web.url}/uploads/")["url"]
        job_id = curl_json("-Fduration=1", f"{upload_url}jobs/")["job_id"]
        with run_worker(folder, servers, wrapper=full_disk):
            log = worker_log(folder)
            wait_for(lambda: "the disk is nearly full" in log.read_text(), "the job to be refused")
            assert get_job(web, job_id)["status"] == "queued"
            with open_server_rows(tmp_path, servers["database_url"]):
                make_job_older(job_id)
            with run_worker(tmp_path / "worker", servers):
                assert wait_for_end(web, job_id)["status"] == "success"
        assert "Traceback" not in log.read_text()


def test_chunks_of_an_upload_follow_the_first_through_a_load_balancer(
    servers: dict[str, str], tmp_path: Path, plain_clip: Path
) -> None:
    content = plain_clip.read_bytes()
    middle = len(content) // 2
    folders = [tmp_path / name for name in ("web-1", "web-2")]
    balancer_folder = tmp_path / "nginx"
    balancer_folder.mkdir()
    with run_web(folders[0], servers) as first, run_web(folders[1], servers) as second:
        ports = (int(first.url.rpartition(":")[2]), int(second.url.rpartition(":")[2]))
        with run_load_balancer(balancer_folder, ports) as balancer, requests.Session() as client:
            client.trust_env = False  # a bundle named in the environment would win
            client.verify = str(balancer.ca_file)
            receivers = set()
            for _ in range(6):
                upload = create_upload(client, balancer.url, len(content))
                for start, end in ((0, middle), (middle, len(content) - 1)):
                    assert send_chunk(client, upload, start, content[start:end]).status_code == 204
                [receiver] = [folder for folder in folders if partial_files(folder, upload)]
                receivers.add(receiver)
            assert receivers == set(folders), "both web servers receive uploads"
            assert send_chunk(client, upload, len(content) - 1, content[-1:]).status_code == 204
            for web in (first, second):
                page = f"{web.url}/uploads/{upload.rpartition('/')[2]}/video"
                assert requests.get(page, timeout=30).content == content

            interrupted = create_upload(client, balancer.url, len(content))
            assert send_chunk(client, interrupted, 0, content[:middle]).status_code == 204
            [receiver] = [folder for folder in folders if partial_files(folder, interrupted)]
            [first, second][folders.index(receiver)].stop()
            offset = client.head(interrupted, headers=TUS, timeout=30).headers["Upload-Offset"]
            assert offset == "0", "the other web server has none of its bytes"
            assert send_chunk(client, interrupted, 0, content).status_code == 204


def create_upload(client: requests.Session, url: str, size_bytes: int) -> str:
    """Create a resumable upload and return its URL."""
    headers = TUS | {"Upload-Length": str(size_bytes)}
    response = client.post(f"{url}/uploads/resumable/", headers=headers, timeout=30)
    assert response.status_code == 201, response.text
    return url + response.headers["Location"]


def send_chunk(client: requests.Session, url: str, offset: int, chunk: bytes) -> requests.Response:
    return client.patch(url, headers=CHUNK | {"Upload-Offset": str(offset)}, data=chunk, timeout=30)


def partial_files(folder: Path, url: str) -> list[Path]:
    return list((folder / "media/uploads").glob(f"{url.rpartition('/')[2]}.partial"))
