"""/metrics exposes the state of the service to Prometheus, if CHROMI_METRICS is on."""

import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from chromi import create_app
from chromi.config import Settings
from chromi.db import Job, State, Worker, database, open_database
from chromi.encoder.encoder_errors import NoFrames
from tests.support.flask_client import BufferedClient
from tests.support.http_forms import LAST_FRAMES, form

pytestmark = pytest.mark.slow

SAMPLE = re.compile(r'(chromi_[a-z_]+)(?:\{((?:[a-z]+="[\w.]+",?)+)\})? (-?[0-9.e+-]+)')


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, metrics=True)


def scrape(client: FlaskClient) -> dict[str, float]:
    """Parse the samples and check that each one follows the HELP and TYPE lines of its family."""
    response = client.get("/metrics")
    assert response.status_code == 200
    assert response.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert response.text.endswith("\n")
    samples: dict[str, float] = {}
    family = kind = ""
    for line in response.text.splitlines():
        if line.startswith("# HELP "):
            family = line.split()[2]
        elif line.startswith("# TYPE "):
            kind = line.split()[3]
            assert line == f"# TYPE {family} {kind}"
        else:
            match = SAMPLE.fullmatch(line)
            assert match, line
            sample_names = (f"{family}_sum", f"{family}_count") if kind == "summary" else (family,)
            assert match[1] in sample_names, line
            assert (kind == "counter") == match[1].endswith("_total"), line
            name = line.rpartition(" ")[0]
            assert name not in samples
            samples[name] = float(match[3])
    return samples


def test_disabled_metrics_return_404(settings: Settings) -> None:
    app = create_app(replace(settings, metrics=False))
    assert app.test_client().get("/metrics").status_code == 404
    app.extensions["chromi"].background.shutdown()
    database.close()


def test_metrics_cover_queue_workers_and_disk(client: FlaskClient) -> None:
    now = time.time()
    for age_s in (5, 70):
        Job.create(options_json={}, created_at=now - age_s)
    Job.create(options_json={}, state=State.IN_PROGRESS)
    Worker.create(id="host:1", seen_at=now - 3)
    Worker.create(id="host:2", seen_at=now - 300)
    samples = scrape(client)
    assert samples["chromi_queue_length"] == 2
    assert samples["chromi_queue_oldest_age_seconds"] == pytest.approx(70, abs=5)
    assert samples['chromi_jobs{kind="convert",state="in_progress"}'] == 1
    assert samples['chromi_jobs{kind="preview",state="failed"}'] == 0
    assert samples["chromi_workers"] == 1
    assert samples["chromi_worker_heartbeat_age_seconds"] == pytest.approx(3, abs=2)
    assert samples["chromi_disk_total_bytes"] > samples["chromi_disk_free_bytes"] > 0
    assert samples["chromi_database_bytes"] > 0


def test_ended_jobs_are_counted_once_and_survive_cleanup_and_restart(
    client: FlaskClient, plain_clip: Path, settings: Settings
) -> None:
    assert client.post("/convert/", **form(plain_clip, **LAST_FRAMES)).status_code == 200
    for _ in range(2):
        job = Job.create(options_json={})
        claimed = Job.claim(job.id, "worker-1")
        assert claimed
        assert claimed.fail(NoFrames())
        assert not claimed.fail(NoFrames())
    assert Job.cancel(Job.create(options_json={}).id)
    Job.delete().execute()
    open_database(settings.instance)  # a restart
    samples = scrape(client)
    assert samples['chromi_jobs_ended_total{kind="convert",state="success"}'] == 1
    assert samples['chromi_jobs_ended_total{kind="convert",state="failed"}'] == 2
    assert samples['chromi_jobs_ended_total{kind="convert",state="cancelled"}'] == 1
    assert samples['chromi_job_failures_total{code="no_frames"}'] == 2
    for step in ("reading", "choosing", "encoding", "checking"):
        assert samples[f'chromi_step_seconds_count{{step="{step}"}}'] == 1
    assert samples['chromi_step_seconds_sum{step="reading"}'] > 0
    assert samples['chromi_step_seconds_count{step="waiting"}'] == 3, "the cancelled job never started"


@pytest.fixture
def before(client: FlaskClient) -> dict[str, float]:
    """The samples at the start of the test."""
    return scrape(client)


def test_received_and_sent_bytes_are_counted(
    client: FlaskClient, before: dict[str, float], own_url: str, gif: bytes, clip: Path
) -> None:
    client.head(own_url)
    client.get(own_url)
    response = client.post("/uploads/", **form(clip))
    after = scrape(client)
    received = after["chromi_http_received_bytes_total"] - before["chromi_http_received_bytes_total"]
    sent = after["chromi_http_sent_bytes_total"] - before["chromi_http_sent_bytes_total"]
    assert clip.stat().st_size < received < clip.stat().st_size + 2000
    assert len(gif) + len(response.data) <= sent < len(gif) + 50_000


def test_interrupted_download_counts_the_sent_bytes(
    client: FlaskClient, before: dict[str, float], own_url: str, gif: bytes
) -> None:
    assert isinstance(client, BufferedClient)
    response = client.open(own_url, buffered=False)
    next(iter(response.response))
    response.close()
    sent = scrape(client)["chromi_http_sent_bytes_total"] - before["chromi_http_sent_bytes_total"]
    assert sent < len(gif)


def test_metrics_contain_no_ids_or_tokens(client: FlaskClient, upload: str, job: Job, own_url: str) -> None:
    client.get(own_url)
    text = client.get("/metrics").text
    for secret in (upload, job.id, own_url.split("/")[2][:20]):
        assert secret not in text
