"""/metrics says in Prometheus' words how the service is, if the host wants that."""

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from chromi import create_app
from chromi.config import Settings
from chromi.db import Job, State, Worker, database, open_database
from chromi.encoder.encoder_errors import NoFrames
from tests.support.flask_client import BufferedClient
from tests.support.http_forms import form

SAMPLE = re.compile(r'(chromi_[a-z_]+)(?:\{((?:[a-z]+="[\w.]+",?)+)\})? (-?[0-9.e+-]+)')


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, metrics=True)


def scrape(client: FlaskClient) -> dict[str, float]:
    """Read the samples as strictly as Prometheus does: each under its family's HELP and TYPE."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.text.endswith("\n")
    samples: dict[str, float] = {}
    family = kind = ""
    for line in answer.text.splitlines():
        if line.startswith("# HELP "):
            family = line.split()[2]
        elif line.startswith("# TYPE "):
            kind = line.split()[3]
            assert line == f"# TYPE {family} {kind}"
        else:
            found = SAMPLE.fullmatch(line)
            assert found, line
            parts = (f"{family}_sum", f"{family}_count") if kind == "summary" else (family,)
            assert found[1] in parts, line
            assert (kind == "counter") == found[1].endswith("_total"), line
            name = line.rpartition(" ")[0]
            assert name not in samples
            samples[name] = float(found[3])
    return samples


def test_it_is_not_there_unless_wanted(settings: Settings) -> None:
    app = create_app(replace(settings, metrics=False))
    assert app.test_client().get("/metrics").status_code == 404
    app.extensions["chromi"].background.shutdown()
    database.close()


def test_the_queue_is_seen(client: FlaskClient) -> None:
    now = time.time()
    for age_s in (5, 70):
        Job.create(options_json={}, created_at=now - age_s)
    Job.create(options_json={}, state=State.IN_PROGRESS)
    Worker.create(id="host:1", seen_at=now - 3)
    Worker.create(id="host:2", seen_at=now - 300)
    seen = scrape(client)
    assert seen["chromi_queue_length"] == 2
    assert seen["chromi_queue_oldest_age_seconds"] == pytest.approx(70, abs=5)
    assert seen['chromi_jobs{kind="convert",state="in_progress"}'] == 1
    assert seen['chromi_jobs{kind="preview",state="failed"}'] == 0
    assert seen["chromi_workers"] == 1
    assert seen["chromi_worker_heartbeat_age_seconds"] == pytest.approx(3, abs=2)
    assert seen["chromi_disk_total_bytes"] > seen["chromi_disk_free_bytes"] > 0
    assert seen["chromi_database_bytes"] > 0


@pytest.mark.slow
def test_a_job_s_end_is_counted_once_and_for_ever(
    client: FlaskClient, clip: Path, settings: Settings
) -> None:
    assert client.post("/convert/", **form(clip, duration="1")).status_code == 200
    for _ in range(2):
        job = Job.create(options_json={})
        claimed = Job.claim(job.id, "worker-1")
        assert claimed
        assert claimed.fail(NoFrames())
        assert not claimed.fail(NoFrames())
    assert Job.cancel(Job.create(options_json={}).id)
    Job.delete().execute()
    open_database(settings.instance)  # a restart
    seen = scrape(client)
    assert seen['chromi_jobs_ended_total{kind="convert",state="success"}'] == 1
    assert seen['chromi_jobs_ended_total{kind="convert",state="failed"}'] == 2
    assert seen['chromi_jobs_ended_total{kind="convert",state="cancelled"}'] == 1
    assert seen['chromi_job_failures_total{code="no_frames"}'] == 2
    for step in ("reading", "choosing", "encoding", "checking"):
        assert seen[f'chromi_step_seconds_count{{step="{step}"}}'] == 1
        assert seen[f'chromi_step_seconds_sum{{step="{step}"}}'] > 0
    assert seen['chromi_step_seconds_count{step="waiting"}'] == 3, "the cancelled one never started"


@pytest.fixture
def before(client: FlaskClient) -> Iterator[dict[str, float]]:
    return scrape(client)


def test_bytes_are_counted_as_they_go(
    client: FlaskClient, before: dict[str, float], own_url: str, gif: bytes, clip: Path
) -> None:
    client.head(own_url)
    client.get(own_url)
    sent = client.post("/uploads/", **form(clip))
    after = scrape(client)
    taken = after["chromi_http_received_bytes_total"] - before["chromi_http_received_bytes_total"]
    given = after["chromi_http_sent_bytes_total"] - before["chromi_http_sent_bytes_total"]
    assert clip.stat().st_size < taken < clip.stat().st_size + 2000
    assert len(gif) + len(sent.data) <= given < len(gif) + 50_000


def test_a_download_that_is_cut_counts_what_went_out(
    client: FlaskClient, before: dict[str, float], own_url: str, gif: bytes
) -> None:
    assert isinstance(client, BufferedClient)
    answer = client.open(own_url, buffered=False)
    next(iter(answer.response))
    answer.close()
    given = scrape(client)["chromi_http_sent_bytes_total"] - before["chromi_http_sent_bytes_total"]
    assert given < len(gif)


def test_nothing_of_a_visitor_is_in_it(client: FlaskClient, upload: str, job: Job, own_url: str) -> None:
    client.get(own_url)
    text = client.get("/metrics").text
    for secret in (upload, job.id, own_url.split("/")[2][:20]):
        assert secret not in text
