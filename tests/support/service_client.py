"""Call a running service with curl."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.support.running_service import Service
from tests.support.waiting import wait_for


def curl(*arguments: str) -> str:
    """Return the response body; fail the test if the transfer fails."""
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--max-time", "60", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def curl_json(*arguments: str) -> Any:
    return json.loads(curl(*arguments))


def status_of(url: str) -> int:
    """Return the status of a GET request; discard the body."""
    return int(curl("-o", os.devnull, "-w", "%{http_code}", url))


def start_job(service: Service, clip: Path, **options: str) -> str:
    """POST /convert/ and return the job's id."""
    form = [f"-F{name}={text}" for name, text in options.items()]
    job_id: str = curl_json(f"-Fvideo=@{clip}", *form, f"{service.url}/convert/")["job_id"]
    return job_id


def get_job(service: Service, job_id: str) -> Any:
    """Return the job's JSON."""
    return curl_json(f"{service.url}/jobs/{job_id}/")


def wait_for_end(service: Service, job_id: str, *, timeout_s: float = 90) -> Any:
    """Wait for a final state and return the job's JSON."""

    def get_ended_job() -> Any:
        job = get_job(service, job_id)
        return job if job["status"] not in ("queued", "in_progress") else None

    return wait_for(get_ended_job, f"job {job_id} to end", timeout_s=timeout_s)
