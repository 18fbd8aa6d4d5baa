"""What the tests of the running service share."""

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.conftest import Service
from tests.support.waiting import wait_for


def curl(*arguments: str) -> str:
    """Call the service as a script would."""
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--max-time", "60", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def curl_json(*arguments: str) -> Any:
    return json.loads(curl(*arguments))


def start_job(service: Service, clip: Path, **options: str) -> str:
    """POST /convert/; gives the job's id."""
    form = [f"-F{name}={text}" for name, text in options.items()]
    job_id: str = curl_json(f"-Fvideo=@{clip}", *form, f"{service.url}/convert/")["job_id"]
    return job_id


def job_of(service: Service, job_id: str) -> Any:
    return curl_json(f"{service.url}/jobs/{job_id}/")


def wait_for_end(service: Service, job_id: str, *, timeout_s: float = 90) -> Any:
    def ended() -> Any:
        job = job_of(service, job_id)
        return job if job["status"] not in ("queued", "in_progress") else None

    return wait_for(ended, f"job {job_id} to end", timeout_s=timeout_s, interval_s=0.2)
