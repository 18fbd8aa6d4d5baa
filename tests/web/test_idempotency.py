"""Requests with the same Idempotency-Key create one job."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from chromi.config import Settings
from chromi.db import IdempotencyKey, Job, RateLimitUsage, Upload, database
from chromi.storage import Storage
from chromi.web import upload_receiver
from chromi.web.idempotency import ABANDONED_S
from tests.support.http_forms import LAST_FRAMES, files_in, form
from tests.support.remote_clients import OTHER_REMOTE, REMOTE

pytestmark = pytest.mark.slow

KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"

Post = Callable[..., TestResponse]


@pytest.fixture
def inline() -> bool:
    return False


@pytest.fixture
def settings(settings: Settings, inline: bool) -> Settings:
    return replace(settings, inline=inline)


@pytest.fixture
def post(app: Flask, plain_clip: Path) -> Post:
    """POST /convert/ with a key. Each request has its own boundary."""

    def send(video: Path | bytes = plain_clip, key: str = KEY, **fields: Any) -> TestResponse:
        address = fields.pop("environ_base", REMOTE)
        headers = {"Idempotency-Key": key}
        client = app.test_client()
        return client.post("/convert/", **form(video, **fields), headers=headers, environ_base=address)

    return send


def code_of(response: TestResponse) -> str:
    code: str = response.get_json()["error"]["code"]
    return code


def test_same_request_returns_the_same_job(post: Post, storage: Storage) -> None:
    first, second, quoted = post(duration="2"), post(duration="2"), post(key=f'"{KEY}"', duration="2")
    assert [each.status_code for each in (first, second, quoted)] == [202] * 3
    assert first.get_json() == second.get_json() == quoted.get_json()
    assert Job.select().count() == Upload.select().count() == len(files_in(storage)) == 1


def test_replay_is_charged_only_for_its_bytes(post: Post) -> None:
    def usage() -> dict[str, float]:
        return {row.id.split()[0]: row.free_at for row in RateLimitUsage.select()}

    post()
    first = usage()
    post()
    assert {name for name, free_at in usage().items() if free_at != first[name]} == {"bytes"}


def test_other_content_gets_422(post: Post, clip: Path) -> None:
    assert post(duration="2").status_code == 202
    for response in (post(duration="3"), post(clip, duration="2")):
        assert (response.status_code, code_of(response)) == (422, "idempotency_key_reused")
    assert Job.select().count() == 1


def test_other_clients_and_keys_create_other_jobs(post: Post) -> None:
    responses = (post(), post(key="another"), post(environ_base=OTHER_REMOTE))
    assert len({response.get_json()["job_id"] for response in responses}) == 3


def test_simultaneous_request_gets_409(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    is_probing, may_finish, probe = threading.Event(), threading.Event(), upload_receiver.probe_video

    def probe_slowly(path: Path) -> Any:
        is_probing.set()
        assert may_finish.wait(20)
        return probe(path)

    monkeypatch.setattr(upload_receiver, "probe_video", probe_slowly)
    first: list[TestResponse] = []

    def send_first() -> None:
        first.append(post())
        database.close()

    thread = threading.Thread(target=send_first)
    thread.start()
    assert is_probing.wait(20)
    response = post()
    may_finish.set()
    thread.join()
    assert (response.status_code, code_of(response)) == (409, "idempotency_key_in_use")
    assert post().get_json() == first[0].get_json()


def test_key_is_free_again_after_an_error(post: Post) -> None:
    assert post(b"not a video").status_code == 415
    assert post(duration="99").status_code == 422
    assert post(duration="2").status_code == 202


@pytest.mark.parametrize("age_s", [ABANDONED_S - 60, ABANDONED_S + 60])
def test_interrupted_request_blocks_its_key_for_ten_minutes(post: Post, age_s: int) -> None:
    job_id = post().get_json()["job_id"]
    Job.delete().execute()  # as if the server had been killed before it created the job
    IdempotencyKey.update(created_at=time.time() - age_s).execute()
    response = post()
    if age_s < ABANDONED_S:
        assert code_of(response) == "idempotency_key_in_use"
    else:
        assert response.get_json()["job_id"] not in (job_id, None)
        assert post().get_json() == response.get_json()


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256])
def test_malformed_key_gets_400(post: Post, key: str) -> None:
    response = post(key=key)
    assert (response.status_code, code_of(response)) == (400, "bad_request")
    assert Job.select().count() == 0


@pytest.mark.parametrize("inline", [True])
def test_conversion_within_the_request_returns_the_same_result(post: Post) -> None:
    first, second = post(**LAST_FRAMES), post(**LAST_FRAMES)
    assert first.get_json()["success"]
    assert first.get_json() == second.get_json()
    assert Job.select().count() == 1


def test_key_expires_after_a_day(post: Post) -> None:
    post()
    assert IdempotencyKey.delete_expired() == 0
    IdempotencyKey.update(created_at=time.time() - 86_401).execute()
    assert IdempotencyKey.delete_expired() == 1
    post()
    assert Job.select().count() == 2
