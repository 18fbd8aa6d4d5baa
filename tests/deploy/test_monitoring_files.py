"""The alerts and the dashboard use metrics that /metrics serves."""

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace

import pytest
import yaml
from flask.testing import FlaskClient

from chromi.config import QUEUES, Settings
from chromi.db import Job, JobKind, State, Worker, database, database_connection, open_database
from chromi.db.connection import configure_database
from chromi.errors import ChromiError
from tests.support.paths import ROOT

DEPLOY = ROOT / "deploy"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, metrics=True)


@pytest.fixture
def served_metrics(client: FlaskClient) -> set[str]:
    """The names of all samples; a summary has two."""
    with database.connection_context():
        Worker.record_heartbeat("worker-1", QUEUES)
    names = set()
    for name, kind in re.findall(r"^# TYPE (\w+) (\w+)$", client.get("/metrics").text, re.MULTILINE):
        names |= {f"{name}_sum", f"{name}_count"} if kind == "summary" else {name}
    return names


def alert_expressions() -> list[str]:
    [group] = yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"]
    return [rule["expr"] for rule in group["rules"]]


def dashboard_expressions() -> Iterator[str]:
    for panel in json.loads((DEPLOY / "grafana-dashboard.json").read_text())["panels"]:
        yield from (target["expr"] for target in panel["targets"])


def test_alerts_and_dashboard_use_served_metrics(served_metrics: set[str]) -> None:
    for expressions in (alert_expressions(), [*dashboard_expressions()]):
        used = set(re.findall(r"chromi_\w+", " ".join(expressions)))
        assert used
        assert used <= served_metrics


def test_dashboard_shows_every_metric(served_metrics: set[str]) -> None:
    used = set(re.findall(r"chromi_\w+", " ".join(dashboard_expressions())))
    assert served_metrics - used == {"chromi_info", "chromi_disk_total_bytes"}


def test_autoscaler_on_fly_uses_a_served_metric(served_metrics: set[str]) -> None:
    settings = tomllib.loads((DEPLOY / "fly-autoscaler.toml").read_text())["env"]
    assert set(re.findall(r"chromi_\w+", settings["FAS_PROMETHEUS_QUERY"])) <= served_metrics
    assert settings["FAS_PROMETHEUS_METRIC_NAME"] in settings["FAS_CREATED_MACHINE_COUNT"]


@pytest.mark.slow
def test_autoscaler_in_kubernetes_counts_queued_and_running_conversions(
    settings: Settings, postgres_settings: dict[str, str]
) -> None:
    scaled_object, _ = yaml.safe_load_all((DEPLOY / "keda.yaml").read_text())
    [trigger] = scaled_object["spec"]["triggers"]
    open_database(settings.instance, postgres_settings["database_url"])
    with database_connection():
        for kind in (JobKind.CONVERT, JobKind.ESTIMATE):
            for state in State:
                Job.create(kind=kind, state=state, options_json={})
        assert database.execute_sql(trigger["metadata"]["query"]).fetchone() == (2,)
    configure_database(settings.instance, "")


def test_alert_on_failures_names_existing_codes() -> None:
    [codes] = re.findall(r'code=~"([^"]+)"', " ".join(alert_expressions()))
    assert set(codes.split("|")) <= set(error_codes(ChromiError))


def error_codes(parent: type[ChromiError]) -> Iterator[str]:
    yield parent.code
    for child in parent.__subclasses__():
        yield from error_codes(child)


def test_prometheus_loads_alerts_and_scrapes_default_port() -> None:
    config = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())
    assert all((DEPLOY / name).is_file() for name in config["rule_files"])
    [job] = config["scrape_configs"]
    assert job["static_configs"] == [{"targets": [f"127.0.0.1:{Settings.port}"]}]
