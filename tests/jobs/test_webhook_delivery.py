"""A webhook is sent when its job has ended, and again until its target accepts it."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest
from standardwebhooks import Webhook as SignatureVerifier

from chromi.db import MAX_WEBHOOK_ATTEMPTS, RETRY_PAUSES_S, Batch, Job, State, Webhook
from chromi.jobs import webhook_request
from chromi.jobs.webhook_delivery import ORPHAN_AGE_S, deliver_due_webhooks
from tests.jobs.conftest import LONG_AGO, CleanUp, create_job
from tests.support.waiting import wait_for
from tests.support.webhook_target import SECRET, WebhookTarget

pytestmark = pytest.mark.usefixtures("open_instance", "allow_local")

HOUR_S = 3600


@pytest.fixture
def allow_local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_request, "is_public", lambda address: True)


@pytest.fixture
def target() -> Iterator[WebhookTarget]:
    target = WebhookTarget()
    yield target
    target.close()


@pytest.fixture
def other() -> Iterator[WebhookTarget]:
    other = WebhookTarget()
    yield other
    other.close()


def create_webhook(target: WebhookTarget, state: State = State.SUCCESS, **fields: object) -> Webhook:
    job = create_job(state, **fields)
    status_url = f"https://chromi.example.org/jobs/{job.id}/"
    return Webhook.create(url=target.url(), resource_id=job.id, status_url=status_url)


def deliver() -> None:
    deliver_due_webhooks(SECRET)


def make_due() -> None:
    Webhook.update(next_attempt_at=time.time()).execute()


def test_ended_job_is_announced_once_with_a_valid_signature(target: WebhookTarget) -> None:
    webhook = create_webhook(target, State.FAILED, error_code="no_frames")
    deliver()
    deliver()
    [received] = target.received
    content = SignatureVerifier(SECRET).verify(received.body, received.headers)
    assert content["type"] == "job.failed"
    assert content["data"] == {
        "job_id": webhook.resource_id,
        "kind": "convert",
        "status": "failed",
        "status_url": webhook.status_url,
        "error_code": "no_frames",
    }
    assert received.headers["Content-Type"] == "application/json"
    assert Webhook.select().count() == 0


def test_name_that_cannot_be_resolved_stops_no_other_delivery(
    target: WebhookTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = create_webhook(target), create_webhook(target)
    Webhook.update(url="http://a..b/").where(Webhook.id == bad.id).execute()
    deliver()
    assert len(target.received) == 1
    assert [(each.id, each.attempts) for each in Webhook.select()] == [(bad.id, 1)]
    assert good.url == target.url()


def test_batch_is_announced_when_its_last_job_has_ended(target: WebhookTarget) -> None:
    batch = Batch.create()
    first = create_job(State.FAILED, batch_id=batch.id)
    last = create_job(State.IN_PROGRESS, batch_id=batch.id)
    Webhook.create(url=target.url(), resource_id=batch.id, status_url="https://chromi.example.org/")
    deliver()
    assert target.received == []
    Job.update(state=State.SUCCESS).where(Job.id == last.id).execute()
    deliver()
    [received] = target.received
    content = json.loads(received.body)
    assert content["type"] == "batch.failed", first.state
    assert content["data"] == {
        "batch_id": batch.id,
        "status": "failed",
        "status_url": "https://chromi.example.org/",
    }


def test_unfinished_job_is_not_announced(target: WebhookTarget) -> None:
    for state in (State.QUEUED, State.IN_PROGRESS):
        create_webhook(target, state)
    deliver()
    assert target.received == []
    Job.update(state=State.CANCELLED, finished_at=time.time()).execute()
    deliver()
    assert [json.loads(each.body)["type"] for each in target.received] == ["job.cancelled"] * 2


@pytest.mark.parametrize("status", [302, 400, 404, 429, 500])
def test_failed_attempt_is_repeated_with_growing_pauses(target: WebhookTarget, status: int) -> None:
    create_webhook(target)
    target.statuses = [status]
    pauses_s = []
    for _ in range(MAX_WEBHOOK_ATTEMPTS - 1):
        deliver()
        pauses_s.append(round(Webhook.get().next_attempt_at - time.time(), -1))
        deliver()  # nothing is due
        make_due()
    assert len(target.received) == MAX_WEBHOOK_ATTEMPTS - 1
    assert pauses_s == sorted(pauses_s)
    assert sum(RETRY_PAUSES_S) < 24 * HOUR_S
    deliver()
    assert len(target.received) == MAX_WEBHOOK_ATTEMPTS
    assert Webhook.select().count() == 0, "given up"
    assert len({each.headers["webhook-id"] for each in target.received}) == 1


def test_target_that_recovers_gets_the_webhook(target: WebhookTarget) -> None:
    create_webhook(target)
    target.statuses = [503, 200]
    deliver()
    make_due()
    deliver()
    assert len(target.received) == 2
    assert Webhook.select().count() == 0


def test_slow_target_delays_no_other(target: WebhookTarget, other: WebhookTarget) -> None:
    for _ in range(2):
        create_webhook(target)
    create_webhook(other)
    is_released, is_idle = threading.Event(), threading.Semaphore()
    overlapping = []

    def respond_late(handler: BaseHTTPRequestHandler) -> None:
        if not is_idle.acquire(blocking=False):
            overlapping.append(handler.path)
        is_released.wait(webhook_request.DEADLINE_S)
        is_idle.release()
        handler.send_response(204)
        handler.end_headers()

    target.respond = respond_late
    delivery = threading.Thread(target=deliver)
    delivery.start()
    wait_for(lambda: other.received and target.received, "a request to each target")
    assert len(target.received) == 1, "one request to a URL at a time"
    is_released.set()
    delivery.join()
    assert len(target.received) == 2
    assert overlapping == [], "one request to a URL at a time"


def test_unreachable_target_is_tried_again(target: WebhookTarget) -> None:
    create_webhook(target)
    target.close()
    deliver()
    assert Webhook.get().attempts == 1


def test_410_ends_all_webhooks_to_the_url(target: WebhookTarget, other: WebhookTarget) -> None:
    for _ in range(3):
        create_webhook(target)
    create_webhook(target, State.QUEUED)
    create_webhook(other)
    target.statuses = [410]
    deliver()
    assert len(target.received) == len(other.received) == 1
    assert Webhook.select().count() == 0


def test_private_address_ends_the_webhook(target: WebhookTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    create_webhook(target)
    deliver()
    assert target.received == []
    assert Webhook.select().count() == 0


def test_each_attempt_is_claimed_by_one_worker(target: WebhookTarget) -> None:
    create_webhook(target)
    target.statuses = [500]
    deliver()
    make_due()
    first, second = Webhook.claim_due(), Webhook.claim_due()
    assert [webhook.attempts for webhook in first] == [2]
    assert list(second) == []


def test_attempt_in_progress_is_not_repeated(target: WebhookTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another worker looks for webhooks that are due, after the first pause has passed."""
    monkeypatch.setattr("chromi.db.webhook.RETRY_PAUSES_S", (0, *RETRY_PAUSES_S[1:]))
    create_webhook(target)
    is_released = threading.Event()

    def respond_late(handler: BaseHTTPRequestHandler) -> None:
        is_released.wait(webhook_request.DEADLINE_S)
        handler.send_response(500)
        handler.end_headers()

    target.respond = respond_late
    delivery = threading.Thread(target=deliver)
    delivery.start()
    wait_for(lambda: target.received, "the request")
    assert list(Webhook.claim_due()) == []
    target.respond = None
    is_released.set()
    delivery.join()
    assert len(target.received) == 2
    assert not Webhook.select().exists()


def test_attempt_is_due_after_the_clock_was_set_back(target: WebhookTarget) -> None:
    create_webhook(target)
    target.statuses = [500, 204]
    deliver()
    Webhook.update(next_attempt_at=time.time() + 100 * HOUR_S).execute()
    deliver()
    assert len(target.received) == 2


def test_webhook_survives_the_cleanup_of_its_job(target: WebhookTarget, clean_up: CleanUp) -> None:
    webhook = create_webhook(target, State.FAILED, finished_at=LONG_AGO)
    clean_up()
    assert Job.get_or_none(Job.id == webhook.resource_id) is None
    deliver()
    assert json.loads(target.received[0].body)["data"]["job_id"] == webhook.resource_id


@pytest.mark.parametrize("age_s", [ORPHAN_AGE_S - 60, ORPHAN_AGE_S + 60])
def test_webhook_whose_job_was_not_created_is_removed(target: WebhookTarget, age_s: int) -> None:
    url, created_at = target.url(), time.time() - age_s
    Webhook.create(url=url, resource_id="0" * 32, status_url="", created_at=created_at)
    deliver()
    assert Webhook.select().count() == (age_s < ORPHAN_AGE_S)
    assert target.received == []
