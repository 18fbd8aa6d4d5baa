"""A line in the log for each request, with an id, and without what opens pages and files."""

import json
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from chromi.db import Job
from tests.support.http_forms import PAGE, form
from tests.support.log_capture import LogLines
from tests.test_log import EVIL


@pytest.mark.parametrize("sent", ["abcdefgh-1234.x", "0123456789abcdef"])
def test_a_plain_request_id_is_kept_and_given_back(
    client: FlaskClient, log_lines: LogLines, sent: str
) -> None:
    answer = client.get("/", headers={"X-Request-Id": sent})
    assert answer.headers["X-Request-Id"] == sent
    assert [line["request_id"] for line in log_lines] == [sent]


@pytest.mark.parametrize(
    "sent", ["", "short", "x" * 65, "a b c d e f g", "<script>alert(1)</script>", "äöüäöüäö"]
)
def test_any_other_is_replaced(client: FlaskClient, log_lines: LogLines, sent: str) -> None:
    given = client.get("/", headers={"X-Request-Id": sent}).headers["X-Request-Id"]
    assert re.fullmatch("[0-9a-f]{16}", given)
    assert [line["request_id"] for line in log_lines] == [given]


def test_a_request_is_one_line_with_its_facts(client: FlaskClient, log_lines: LogLines) -> None:
    answer = client.get("/nowhere/at-all")
    [line] = [line for line in log_lines if "status" in line]
    assert line["method"] == "GET"
    assert line["status"] == 404
    assert line["bytes"] == len(answer.data)
    assert 0 <= line["ms"] < 10_000
    assert line["path"] == "(none)"


def test_no_token_and_no_query_is_written(
    client: FlaskClient, log_lines: LogLines, own_url: str, job: Job
) -> None:
    token = own_url.split("/")[2]
    still = f"/download/{token}/still.jpg"
    for address in (own_url, f"{own_url}?secret=1", f"/download/{token[:-1]}x/", still):
        client.get(address)
    client.get(f"/download/{token}/nothing")
    text = json.dumps(log_lines)
    assert "/download/<token>/" in text
    assert token[:20] not in text
    assert "secret" not in text


POLLS = [
    *("/health/", "/health/live", "/health/ready", "/static/app.js", "/favicon.ico"),
    *("/jobs/{id}/", "/jobs/{id}/status", "/jobs/{id}/estimates", "/jobs/{id}/loops", "/jobs/{id}/preview"),
]


@pytest.mark.parametrize("address", POLLS)
def test_a_poll_that_succeeds_has_no_line(
    client: FlaskClient, log_lines: LogLines, job: Job, address: str
) -> None:
    assert client.get(address.format(id=job.id)).status_code == 200
    assert log_lines == []


@pytest.mark.parametrize("address", [address for address in POLLS if "health" not in address])
def test_a_poll_that_fails_has_one(client: FlaskClient, log_lines: LogLines, address: str) -> None:
    address = address.format(id="0" * 32).replace("app.js", "nothing.js").replace("favicon", "nothing")
    assert client.get(address).status_code == 404
    assert [line["status"] for line in log_lines] == [404]


def test_a_job_s_page_has_one(client: FlaskClient, log_lines: LogLines, job: Job) -> None:
    assert client.get(f"/jobs/{job.id}/", headers=PAGE).status_code == 200
    assert [line["path"] for line in log_lines] == ["/jobs/<job_id>/"]


@pytest.mark.slow
def test_a_job_s_lines_have_its_id(client: FlaskClient, log_lines: LogLines, clip: Path) -> None:
    client.post("/convert/", **form(clip, name="\x1b[31m\u202eforged.mp4", duration="1"))
    [job] = Job.select()
    lines = log_lines
    [end] = [line for line in lines if line.get("state") == "success"]
    assert end["job_id"] == job.id
    assert end["seconds"] > 0
    assert "forged" not in json.dumps(lines)


def test_a_file_s_own_words_are_escaped(client: FlaskClient, log_lines: LogLines) -> None:
    client.post("/convert/", **form(b"\x00\x00\x00\x18ftypmp42" + EVIL.encode() * 20, name=EVIL))
    assert log_lines
    assert all(re.fullmatch(r"[ -~]+", json.dumps(line)) for line in log_lines)
