"""Log lines have the context of their request or job, and cannot be forged by user input."""

import json
import logging
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from chromi import log
from tests.support.http_forms import LAST_FRAMES
from tests.support.running_service import Service
from tests.support.service_client import curl, curl_json, start_job, wait_for_end
from tests.support.waiting import wait_for

MALICIOUS_TEXT = 'a\nb\r\x1b[31m{"level": "forged"}\u2028\u202e\x7f\x9b"'


def format_malicious_text(formatter: logging.Formatter) -> str:
    try:
        raise ValueError(MALICIOUS_TEXT)
    except ValueError:
        record = logging.LogRecord("x", logging.WARNING, __file__, 1, "%s", (MALICIOUS_TEXT,), sys.exc_info())
    record.fields = {"name": MALICIOUS_TEXT}
    return formatter.format(record)


def test_json_lines_cannot_be_forged_and_are_safe_for_terminals() -> None:
    line = format_malicious_text(log.JsonFormatter())
    assert re.fullmatch(r"[ -~]+", line)
    fields = json.loads(line)
    assert (fields["message"], fields["name"], fields["level"]) == (MALICIOUS_TEXT, MALICIOUS_TEXT, "warning")
    assert MALICIOUS_TEXT in fields["trace"]


def test_text_lines_cannot_be_forged_and_are_safe_for_terminals() -> None:
    first, *trace = format_malicious_text(log.TextFormatter()).split("\n")
    assert "warning: a\\nb\\r\\x1b" in first
    assert first.isprintable()
    assert trace
    assert all(line.startswith("    ") and line.isprintable() for line in trace)


def test_lines_have_the_bound_context() -> None:
    def context_of_line() -> set[str]:
        record = logging.LogRecord("x", logging.INFO, __file__, 1, "m", (), None)
        return json.loads(log.JsonFormatter().format(record)).keys() & {"request_id", "job_id"}

    log.reset_context()
    with log.bound_context(request_id="r"):
        with log.bound_context(job_id="j"):
            assert context_of_line() == {"request_id", "job_id"}
        assert context_of_line() == {"request_id"}
    assert context_of_line() == set()


# -- the running service ---------------------------------------------------------------------------------


@pytest.mark.service
def test_every_line_of_both_processes_is_json(
    start_service: Callable[..., Service], plain_clip: Path
) -> None:
    service = start_service()
    job_id = start_job(service, plain_clip, **LAST_FRAMES)
    assert wait_for_end(service, job_id)["status"] == "success"
    curl("-F", f"video=@{plain_clip};filename=we\nird\x1b[31m.mp4", "-Fduration=x", f"{service.url}/convert/")
    assert curl_json("-H", "X-Request-Id: from-the-proxy-1", f"{service.url}/health/ready")["status"] == "ok"
    wait_for(lambda: '"success"' in "".join(service.log), "the worker's last line")
    assert service.stop() == 0
    lines = [json.loads(line) for line in service.log]
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    job_lines = [line for line in lines if line.get("job_id") == job_id]
    assert [line["state"] for line in job_lines if "state" in line] == ["success"]
    assert "ird" not in "".join(service.log)


@pytest.mark.slow
def test_huey_uses_the_service_log(tmp_path: Path) -> None:
    code = (
        "import logging, worker\n"
        "logging.getLogger('huey').addHandler(logging.StreamHandler())\n"  # as huey_consumer does
        "worker.huey.create_consumer(workers=1)\n"
        "logging.getLogger('huey.consumer').warning('Worker died')\n"
    )
    root = Path(__file__).resolve().parent.parent
    environ = {"CHROMI_INSTANCE": str(tmp_path), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-c", code]
    completed = subprocess.run(command, cwd=root, env=environ, capture_output=True, text=True, timeout=60)
    assert completed.stderr == ""
    assert json.loads(completed.stdout)["message"] == "Worker died"
