"""Two web servers and three workers that share only PostgreSQL, Redis and a bucket lose nothing."""

import signal
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
import requests

from chromi.db import Job, Link, State
from tests.support.consumers import run_consumer
from tests.support.nodes import run_web, run_worker, url_on
from tests.support.running_service import Service
from tests.support.service_client import curl_json, get_job, status_of, wait_for_end
from tests.support.service_database import open_server_rows
from tests.support.waiting import wait_for

pytestmark = pytest.mark.service

JOB_COUNT = 200


def test_clip_sent_to_one_server_is_converted_and_downloaded_from_another(
    servers: dict[str, str], tmp_path: Path, plain_clip: Path
) -> None:
    with (
        run_web(tmp_path / "web-1", servers) as first,
        run_web(tmp_path / "web-2", servers) as second,
        run_worker(tmp_path / "studio", servers, queues="studio"),
        ExitStack() as stack,
    ):
        upload_url = first.url + curl_json(f"-Fvideo=@{plain_clip}", f"{first.url}/uploads/")["url"]
        assert curl_bytes(f"{url_on(second, upload_url)}video") == plain_clip.read_bytes()
        job_id = curl_json("-Fduration=1", f"{upload_url}jobs/")["job_id"]
        estimate = curl_json("-Fduration=1", f"{url_on(second, upload_url)}estimates/")
        assert wait_for_end(first, estimate["job_id"])["status"] == "success"
        assert get_job(first, job_id)["status"] == "queued", "no worker runs the jobs of its queue"
        stack.enter_context(run_worker(tmp_path / "convert", servers, queues="convert"))
        job = wait_for_end(second, job_id)
        assert (job["status"], job["result"]["frames"]) == ("success", 24)
        gifs = [curl_bytes(service.url + job["converted_url"]) for service in (first, second)]
        assert gifs[0] == gifs[1]
        assert (gifs[0][:6], len(gifs[0])) == (b"GIF89a", job["result"]["bytes"])
        one_time = curl_json("-Fone_time=on", f"{first.url}/jobs/{job_id}/links/")["url"]
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(status_of, [url_on(s, one_time) for s in (first, second)] * 4))
        assert Counter(answers)[200] == 1, answers
        assert set(answers) <= {200, 409, 410}


@pytest.mark.timeout(400)
def test_jobs_survive_the_loss_of_a_worker_and_the_restart_of_a_web_server(
    servers: dict[str, str], tmp_path: Path, plain_clip: Path
) -> None:
    """The workers pretend to convert, so that 200 jobs take seconds, and each waits in its first job."""
    environ = {f"CHROMI_{name.upper()}": text for name, text in servers.items()}
    folders = [tmp_path / name for name in ("worker-1", "worker-2", "worker-3")]
    for folder in folders:
        folder.mkdir()
    with ExitStack() as stack, requests.Session() as client:
        client.headers.update({"User-Agent": "curl/8.5.0", "Accept": "application/json"})
        workers = [
            stack.enter_context(
                run_consumer(folder, "tests.support.fake_worker", behavior="wait_for_file", environ=environ)
            )
            for folder in folders
        ]
        with run_web(tmp_path / "web-1", servers) as first, run_web(tmp_path / "web-2", servers) as second:
            upload_url = curl_json(f"-Fvideo=@{plain_clip}", f"{first.url}/uploads/")["url"]
            webs = [first, second] * (JOB_COUNT // 4)
            job_ids = [submit(client, web, upload_url, number) for number, web in enumerate(webs)]
            wait_for(
                lambda: all((folder / "runs").exists() for folder in folders),
                "every worker to run a job",
                timeout_s=60,
            )
            psutil.Process(workers[0].pid).send_signal(signal.SIGKILL)
            for folder in folders[1:]:
                (folder / "finish").touch()
        with run_web(tmp_path / "web-1", servers) as first:
            numbers = range(len(job_ids), JOB_COUNT)
            job_ids += [submit(client, first, upload_url, number) for number in numbers]
            with open_server_rows(tmp_path, servers["database_url"]):
                wait_for(lambda: count_jobs(State.SUCCESS) == JOB_COUNT, "all jobs", timeout_s=120)
                assert Link.select().count() == JOB_COUNT
            assert get_job(first, job_ids[0])["status"] == "success"
    runs = [line.split()[0] for folder in folders for line in (folder / "runs").read_text().splitlines()]
    [interrupted] = (folders[0] / "runs").read_text().split()[:1]
    assert Counter(runs) == Counter([*job_ids, interrupted]), "only the killed worker's job ran twice"


def submit(client: requests.Session, web: Service, upload_url: str, number: int) -> str:
    """Start a job that differs from the others, and return its id."""
    form = {"start_time": str(number / 100), "duration": "1"}
    response = client.post(f"{web.url}{upload_url}jobs/", form, timeout=30)
    assert response.status_code == 202, response.text
    return str(response.json()["job_id"])


def count_jobs(state: State) -> int:
    return int(Job.select().where(Job.state == state).count())


def curl_bytes(url: str) -> bytes:
    return subprocess.run(["curl", "-sSf", "-m", "30", url], capture_output=True, check=True).stdout
