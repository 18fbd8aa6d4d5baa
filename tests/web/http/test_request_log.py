"""Each request is logged as one line with an id and without tokens; successful polls are not logged."""

import json
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from chromi.db import Job
from chromi.web.http.http_counters import http_counters
from tests.support.http_forms import LAST_FRAMES, PAGE, form
from tests.support.log_capture import LogLines
from tests.test_log import MALICIOUS_TEXT

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("sent", ["abcdefgh-1234.x", "0123456789abcdef"])
def test_valid_request_id_is_kept_and_returned(client: FlaskClient, log_lines: LogLines, sent: str) -> None:
    response = client.get("/", headers={"X-Request-Id": sent})
    assert response.headers["X-Request-Id"] == sent
    assert [line["request_id"] for line in log_lines] == [sent]


@pytest.mark.parametrize(
    "sent", ["", "short", "x" * 65, "a b c d e f g", "<script>alert(1)</script>", "äöüäöüäö"]
)
def test_invalid_request_id_is_replaced(client: FlaskClient, log_lines: LogLines, sent: str) -> None:
    returned = client.get("/", headers={"X-Request-Id": sent}).headers["X-Request-Id"]
    assert re.fullmatch("[0-9a-f]{16}", returned)
    assert [line["request_id"] for line in log_lines] == [returned]


def test_request_is_logged_on_one_line(client: FlaskClient, log_lines: LogLines) -> None:
    response = client.get("/nowhere/at-all")
    [line] = [line for line in log_lines if "status" in line]
    assert line["method"] == "GET"
    assert line["status"] == 404
    assert line["bytes"] == len(response.data)
    assert 0 <= line["ms"] < 10_000
    assert line["path"] == "(none)"


def test_no_bytes_are_counted_for_a_head_request(client: FlaskClient, log_lines: LogLines) -> None:
    counted = http_counters.sent_bytes
    assert client.head("/").content_length
    assert (log_lines[0]["bytes"], http_counters.sent_bytes) == (0, counted)


def test_tokens_and_queries_are_not_logged(
    client: FlaskClient, log_lines: LogLines, own_url: str, job: Job
) -> None:
    token = own_url.split("/")[2]
    still_url = f"/download/{token}/still.jpg"
    for path in (own_url, f"{own_url}?secret=1", f"/download/{token[:-1]}x/", still_url):
        client.get(path)
    client.get(f"/download/{token}/nothing")
    text = json.dumps(log_lines)
    assert "/download/<token>/" in text
    assert token[:20] not in text
    assert "secret" not in text


POLLED_URLS = [
    *("/health/", "/health/live", "/health/ready", "/static/js/pages/plain.js", "/favicon.ico"),
    *("/jobs/{id}/", "/jobs/{id}/status", "/jobs/{id}/estimates", "/jobs/{id}/loops", "/jobs/{id}/preview"),
]


@pytest.mark.parametrize("path", POLLED_URLS)
def test_successful_poll_is_not_logged(client: FlaskClient, log_lines: LogLines, job: Job, path: str) -> None:
    assert client.get(path.format(id=job.id)).status_code == 200
    assert log_lines == []


@pytest.mark.parametrize("path", [path for path in POLLED_URLS if "health" not in path])
def test_failed_poll_is_logged(client: FlaskClient, log_lines: LogLines, path: str) -> None:
    path = path.format(id="0" * 32).replace("plain.js", "nothing.js").replace("favicon", "nothing")
    assert client.get(path).status_code == 404
    assert [line["status"] for line in log_lines] == [404]


def test_page_of_a_job_is_logged(client: FlaskClient, log_lines: LogLines, job: Job) -> None:
    assert client.get(f"/jobs/{job.id}/", headers=PAGE).status_code == 200
    assert [line["path"] for line in log_lines] == ["/jobs/<job_id>/"]


def test_log_lines_of_a_job_have_its_id_and_no_file_name(
    client: FlaskClient, log_lines: LogLines, plain_clip: Path
) -> None:
    client.post("/convert/", **form(plain_clip, name="\x1b[31m\u202eforged.mp4", **LAST_FRAMES))
    [job] = Job.select()
    lines = log_lines
    [end_line] = [line for line in lines if line.get("state") == "success"]
    assert end_line["job_id"] == job.id
    assert end_line["seconds"] > 0
    assert "forged" not in json.dumps(lines)


def test_text_from_an_uploaded_file_is_escaped(client: FlaskClient, log_lines: LogLines) -> None:
    client.post(
        "/convert/", **form(b"\x00\x00\x00\x18ftypmp42" + MALICIOUS_TEXT.encode() * 20, name=MALICIOUS_TEXT)
    )
    assert log_lines
    assert all(re.fullmatch(r"[ -~]+", json.dumps(line)) for line in log_lines)
