"""Serve /metrics for Prometheus (CHROMI_METRICS).

The web server and the workers are separate processes, and workers restart, so a counter in one process's
memory would miss the activity of the others. A collector therefore reads the rows on each request, and
counters that outlive rows are stored in the database.
"""

from __future__ import annotations

from collections.abc import Iterator

from flask import Blueprint, Flask, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from chromi.config import VERSION
from chromi.db import Counter, JobKind, State
from chromi.monitoring.stats import Stats, collect_stats
from chromi.web.http.http_counters import http_counters
from chromi.web.services import services

bp = Blueprint("metrics", __name__)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def init_app(app: Flask) -> None:
    if app.extensions["chromi"].settings.metrics:
        app.register_blueprint(bp)


@bp.get("/metrics", strict_slashes=False)
def show() -> Response:
    registry = CollectorRegistry()
    registry.register(_ChromiCollector())
    return Response(generate_latest(registry), content_type=CONTENT_TYPE)


class _ChromiCollector(Collector):
    def collect(self) -> Iterator[Metric]:
        stats = collect_stats(services().settings, services().storage)
        yield from _job_metrics(stats)
        yield from _storage_metrics(stats)
        yield from _job_counters()
        yield from _http_counters()


def _job_metrics(stats: Stats) -> Iterator[Metric]:
    """Yield gauges of the current jobs and workers."""
    info = GaugeMetricFamily("chromi_info", "The running version.", labels=["version"])
    info.add_metric([VERSION], 1)
    yield info
    jobs = GaugeMetricFamily("chromi_jobs", "Jobs in the database.", labels=["kind", "state"])
    for kind in JobKind:
        for state in State:
            jobs.add_metric([kind, state], stats.jobs.get((kind, state), 0))
    yield jobs
    yield GaugeMetricFamily("chromi_queue_length", "Jobs waiting for a worker.", stats.count(State.QUEUED))
    yield GaugeMetricFamily(
        "chromi_queue_oldest_age_seconds",
        "How long the oldest waiting job has been waiting.",
        stats.oldest_queued_age_s or 0,
    )
    yield GaugeMetricFamily("chromi_workers", "Workers with a recent heartbeat.", stats.live_workers)
    if stats.worker_ages_s:
        yield GaugeMetricFamily(
            "chromi_worker_heartbeat_age_seconds",
            "Time since the most recent heartbeat of any worker.",
            min(stats.worker_ages_s.values()),
        )


def _storage_metrics(stats: Stats) -> Iterator[Metric]:
    """Yield gauges of the disk, the files and the databases."""
    yield GaugeMetricFamily(
        "chromi_disk_free_bytes", "Free space on the instance's disk.", stats.disk_free_bytes
    )
    yield GaugeMetricFamily("chromi_disk_total_bytes", "Size of the instance's disk.", stats.disk_total_bytes)
    media = GaugeMetricFamily("chromi_media_bytes", "Size of the media files.", labels=["folder"])
    for folder, size_bytes in stats.media_bytes.items():
        media.add_metric([folder], size_bytes)
    yield media
    yield GaugeMetricFamily("chromi_database_bytes", "Size of the database and queue.", stats.database_bytes)
    yield GaugeMetricFamily("chromi_database_wal_bytes", "Size of their write-ahead logs.", stats.wal_bytes)


def _job_counters() -> Iterator[Metric]:
    """Yield the counters stored in the database, which survive restarts."""
    ended = CounterMetricFamily("chromi_jobs_ended", "Jobs that have ended.", labels=["kind", "state"])
    for counter in Counter.list_by_name("finished"):
        ended.add_metric(counter.label.split(), counter.count)
    yield ended
    failures = CounterMetricFamily("chromi_job_failures", "Failed jobs by error code.", labels=["code"])
    for counter in Counter.list_by_name("failure"):
        failures.add_metric([counter.label], counter.count)
    yield failures
    steps = SummaryMetricFamily(
        "chromi_step_seconds", "Time in the queue (waiting) and in each conversion step.", labels=["step"]
    )
    for counter in Counter.list_by_name("step"):
        steps.add_metric([counter.label], count_value=counter.count, sum_value=counter.sum)
    yield steps


def _http_counters() -> Iterator[Metric]:
    """Yield what has been counted since the web server started."""
    requests = CounterMetricFamily("chromi_http_requests", "Requests by status class.", labels=["status"])
    for status, count in sorted(http_counters.requests.items()):
        requests.add_metric([status], count)
    yield requests
    yield CounterMetricFamily(
        "chromi_http_received_bytes", "Bytes of request bodies.", http_counters.received_bytes
    )
    yield CounterMetricFamily(
        "chromi_http_sent_bytes", "Bytes of response bodies sent.", http_counters.sent_bytes
    )
