"""No request waits for slow requests of another kind or client."""

import threading
from collections.abc import Iterator

import pytest

from chromi.web.limits.upload_guard import RequestKind
from chromi.web.server.dispatcher import THREADS, RequestDispatcher


class Request:
    """A channel whose request runs until the test sets `may_end`."""

    def __init__(self, client: str, kind: RequestKind = RequestKind.UPLOAD) -> None:
        self.client = client
        self.request_kind = kind
        self.has_begun = threading.Event()
        self.may_end = threading.Event()
        self.has_ended = threading.Event()

    def service(self) -> None:
        self.has_begun.set()
        self.may_end.wait(10)
        self.has_ended.set()

    def cancel(self) -> None:
        self.may_end.set()


class FailingRequest(Request):
    def service(self) -> None:
        raise RuntimeError("on purpose")


@pytest.fixture
def dispatcher() -> Iterator[RequestDispatcher]:
    dispatcher = RequestDispatcher()
    yield dispatcher
    dispatcher.shutdown()


def add(dispatcher: RequestDispatcher, *requests: Request) -> None:
    for request in requests:
        dispatcher.add_task(request)  # type: ignore[arg-type]


def test_client_uses_at_most_half_of_the_threads(dispatcher: RequestDispatcher) -> None:
    greedy = [Request("greedy") for _ in range(3)]
    others = [Request("one"), Request("other")]
    add(dispatcher, *greedy)
    assert greedy[0].has_begun.wait(5)
    add(dispatcher, *others)
    for request in others:
        request.may_end.set()
        assert request.has_ended.wait(5), "it waited for another client's request"
    assert not greedy[1].has_begun.is_set(), "one client uses both threads"
    late = Request("late")
    late.may_end.set()
    add(dispatcher, late)
    assert late.has_ended.wait(5)
    for request in greedy:
        assert request.has_begun.wait(5)
        request.may_end.set()
        assert request.has_ended.wait(5)


@pytest.mark.parametrize("busy", [RequestKind.UPLOAD, RequestKind.EXPENSIVE])
def test_requests_do_not_wait_for_another_kind(dispatcher: RequestDispatcher, busy: RequestKind) -> None:
    slow = [Request(f"client {number}", busy) for number in range(THREADS[busy])]
    add(dispatcher, *slow)
    for request in slow:
        assert request.has_begun.wait(5)
    for kind in set(RequestKind) - {busy}:
        request = Request("client 0", kind)
        request.may_end.set()
        add(dispatcher, request)
        assert request.has_ended.wait(5)
    for request in slow:
        request.may_end.set()


def test_failed_request_does_not_block_the_next_one(dispatcher: RequestDispatcher) -> None:
    after = Request("greedy")
    after.may_end.set()
    add(dispatcher, FailingRequest("greedy"), after)
    assert after.has_ended.wait(5)
