"""/metrics for Prometheus, if the host wants it (CHROMI_METRICS).

Web server and workers are several processes, and workers are renewed, so nothing is counted in one's memory
that another should know: the rows are read as somebody asks, and what outlives rows is in the tallies. A
client library would then only write these lines; they are few and of one shape.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from flask import Blueprint, Flask, Response

from chromi.config import VERSION
from chromi.db import Counter, JobKind, State
from chromi.db.worker import WORKER_TIMEOUT_S
from chromi.monitoring.stats import Stats, look
from chromi.web.http.http_counters import HTTPCounters, http_counters
from chromi.web.services import services

bp = Blueprint("metrics", __name__)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def init_app(app: Flask) -> None:
    if app.extensions["chromi"].settings.metrics:
        app.register_blueprint(bp)


@bp.get("/metrics", strict_slashes=False)
def show() -> Response:
    families = [
        *_of_now(look(services().settings, services().storage)),
        *_tallied(),
        *_of_traffic(http_counters),
    ]
    return Response("".join(family.text() for family in families), content_type=CONTENT_TYPE)


@dataclass(frozen=True)
class Family:
    """Samples of one name, each under its labels as they are written; these are words of ours only."""

    name: str
    kind: str
    help: str
    samples: Mapping[str, float]

    def text(self) -> str:
        """The family in the text format, version 0.0.4."""
        head = f"# HELP chromi_{self.name} {self.help}\n# TYPE chromi_{self.name} {self.kind}\n"
        return head + "".join(f"chromi_{self.name}{at} {value}\n" for at, value in self.samples.items())


def gauge(name: str, help: str, samples: Mapping[str, float]) -> Family:
    return Family(name, "gauge", help, samples)


def counter(name: str, help: str, samples: Mapping[str, float]) -> Family:
    return Family(name, "counter", help, samples)


def _of_now(stats: Stats) -> Iterator[Family]:
    ages_s = list(stats.worker_ages_s.values())
    alive = sum(age_s < WORKER_TIMEOUT_S for age_s in ages_s)
    jobs = {
        labels(kind=kind, state=state): stats.jobs.get((kind, state), 0)
        for kind in JobKind
        for state in State
    }
    media = {labels(folder=folder): size_bytes for folder, size_bytes in stats.media_bytes.items()}
    oldest_s = stats.oldest_queued_age_s or 0
    yield gauge("info", "The version that runs.", {labels(version=VERSION): 1})
    yield gauge("jobs", "Jobs remembered now.", jobs)
    yield gauge("queue_length", "Jobs that wait for a worker.", {"": stats.queue_length})
    yield gauge("queue_oldest_age_seconds", "How long the first of them has waited.", {"": oldest_s})
    yield gauge("workers", "Workers that have given a sign of life lately.", {"": alive})
    if ages_s:
        yield gauge("worker_heartbeat_age_seconds", "Since any worker's last one.", {"": min(ages_s)})
    yield gauge("disk_free_bytes", "Free where the instance lies.", {"": stats.disk_free_bytes})
    yield gauge("disk_total_bytes", "The size of that disk.", {"": stats.disk_total_bytes})
    yield gauge("media_bytes", "Clips, frames and backgrounds kept.", media)
    yield gauge("database_bytes", "Rows and queue.", {"": stats.database_bytes})
    yield gauge("database_wal_bytes", "Their logs.", {"": stats.wal_bytes})


def _tallied() -> Iterator[Family]:
    """What is counted through restarts."""
    ended = {tuple(tally.label.split()): tally.count for tally in Counter.named("ended")}
    by_kind = {labels(kind=kind, state=state): count for (kind, state), count in ended.items()}
    failures = {labels(code=tally.label): tally.count for tally in Counter.named("failure")}
    steps = Counter.named("step")
    yield counter("jobs_ended_total", "Jobs that have ended.", by_kind)
    yield counter("job_failures_total", "Jobs that have failed, by error code.", failures)
    words = "Seconds by step: waiting in the queue, then those of a conversion."
    counts = {f"_count{labels(step=step.label)}": step.count for step in steps}
    sums = {f"_sum{labels(step=step.label)}": step.sum for step in steps}
    yield Family("step_seconds", "summary", words, counts | sums)


def _of_traffic(http_counters: HTTPCounters) -> Iterator[Family]:
    """What is counted since the web server's start."""
    requests = {labels(status=status): count for status, count in sorted(http_counters.requests.items())}
    yield counter("http_requests_total", "Requests answered.", requests)
    yield counter("http_received_bytes_total", "Bodies of requests.", {"": http_counters.received_bytes})
    yield counter(
        "http_sent_bytes_total", "Bodies of answers, as far as they went.", {"": http_counters.sent_bytes}
    )


def labels(**values: str) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in values.items()) + "}"
