"""Responses are as /openapi.yaml describes them.

They have their own module because importing schemathesis takes seconds.
"""

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from chromi.config import QUEUES, Settings
from chromi.db import Batch, CleanupLease, Job, Upload, Worker
from tests.support.fuzzing import limit_examples
from tests.support.tus_client import CHUNK
from tests.web.views.test_openapi import OPERATIONS

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("without_worker")]

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
schemathesis.serializer.alias(CHUNK["Content-Type"], "application/octet-stream")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, inline=False, metrics=True)


def load_description(app: Flask) -> Any:
    """Load the served description, and send its requests to the application.

    Its client sends no address, and cannot decompress responses.
    """

    def call(environ: dict[str, Any], start_response: Any) -> Any:
        own = {"REMOTE_ADDR": "127.0.0.1", "HTTP_ACCEPT_ENCODING": "identity"}
        with closing(app(environ | own, start_response)) as response:
            return [b"".join(response)]

    return schemathesis.openapi.from_wsgi("/openapi.yaml", call)


@pytest.fixture
def known(client: FlaskClient, job: Job, upload: str) -> dict[str, str]:
    """Path parameters of existing resources."""
    job_url = f"/jobs/{job.id}/"
    batch = Batch.create()
    Job.update(upload=upload, batch_id=batch.id).where(Job.id == job.id).execute()
    token = client.get(job_url).get_json()["converted_url"].split("/")[2]
    link_id = client.post(f"{job_url}links/").get_json()["link_id"]
    return {"job_id": job.id, "batch_id": batch.id, "upload_id": upload, "link_id": link_id, "token": token}


def test_every_response_is_as_described(app: Flask, known: dict[str, str], subtests: pytest.Subtests) -> None:
    """One application serves all operations, because starting one takes longer than all of its requests."""
    description = load_description(app)
    for path, method in OPERATIONS:
        with subtests.test(f"{method} {path}"):
            Worker.record_heartbeat("worker-1", QUEUES)
            CleanupLease.acquire("worker-1")
            check_operation(description[path][method], known)


def check_operation(operation: Any, known: dict[str, str]) -> None:
    """Send each generated request twice: as it is, and for existing resources."""

    @limit_examples(5)
    @given(case=operation.as_strategy())
    def check(case: Case) -> None:
        case.call_and_validate(checks=CHECKS)
        case.path_parameters.update({name: known[name] for name in case.path_parameters if name in known})
        if isinstance(case.body, dict) and "upload_id" in case.body:
            case.body["upload_id"] = [known["upload_id"]]
        case.call_and_validate(checks=CHECKS)
        Job.delete().where(Job.id != known["job_id"]).execute()  # the number of waiting jobs is limited
        Upload.delete().where(Upload.info_json.is_null()).execute()  # and that of unfinished uploads

    check()


@pytest.mark.parametrize(("path", "status"), [("/uploads/", 201), ("/convert/", 202)])
def test_accepted_clip_is_as_described(app: Flask, plain_clip: Path, path: str, status: int) -> None:
    operation = load_description(app)[path]["POST"]
    case = operation.Case(media_type="multipart/form-data", body={"video": plain_clip.read_bytes()})
    assert case.call_and_validate(checks=CHECKS).status_code == status
