"""Webhooks survive the death of a worker, and delay no job."""

import threading
import time
from collections.abc import Iterator

import pytest

from chromi.db import Job, State, Webhook
from tests.faults.conftest import ON_EACH_ENGINE
from tests.support.consumers import run_consumer
from tests.support.open_instance import OpenInstance
from tests.support.waiting import wait_for
from tests.support.webhook_target import SECRET, WebhookTarget

pytestmark = pytest.mark.service

MODULE = "tests.support.local_webhooks_worker"


@pytest.fixture
def target() -> Iterator[WebhookTarget]:
    target = WebhookTarget()
    yield target
    target.close()


@ON_EACH_ENGINE
def test_killed_worker_loses_no_webhook(
    instance: OpenInstance, target: WebhookTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHROMI_WEBHOOK_SECRET", SECRET)
    target.statuses = [500, 204]
    job_id = instance.queue_job()
    Webhook.create(url=target.url(), resource_id=job_id, status_url="/")
    with run_consumer(instance.folder, MODULE, environ=instance.environ):
        wait_for(lambda: target.received, "the first attempt")
        assert Job.find(job_id).state == State.SUCCESS
    Webhook.update(next_attempt_at=time.time()).execute()  # as if MAX_ATTEMPT_S or the pause had passed
    with run_consumer(instance.folder, MODULE, environ=instance.environ):
        wait_for(lambda: len(target.received) == 2, "the second attempt")
        wait_for(lambda: not Webhook.select().exists(), "the row to be deleted")
    assert target.received[0].headers["webhook-id"] == target.received[1].headers["webhook-id"]


def test_target_that_does_not_answer_delays_no_job(
    instance: OpenInstance, target: WebhookTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHROMI_WEBHOOK_SECRET", SECRET)
    may_answer = threading.Event()
    target.respond = lambda handler: may_answer.wait(30)
    Webhook.create(url=target.url(), resource_id=instance.queue_job(), status_url="/")
    with run_consumer(instance.folder, MODULE, environ=instance.environ):
        wait_for(lambda: target.received, "the webhook's request")
        assert instance.wait_for_end(instance.queue_job()).state == State.SUCCESS
        assert Webhook.get().attempts == 1, "still waiting for the answer"
        may_answer.set()
