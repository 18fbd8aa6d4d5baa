"""Whose request is worked on next, with requests that a test holds."""

import threading
from collections.abc import Iterator

import pytest

from chromi.web.limits.upload_guard import RequestKind
from chromi.web.server.dispatcher import THREADS, RequestDispatcher


class Request:
    """A connection with a request that takes until it is let go."""

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


@pytest.fixture
def lanes() -> Iterator[RequestDispatcher]:
    lanes = RequestDispatcher()
    yield lanes
    lanes.shutdown()


def add(lanes: RequestDispatcher, *requests: Request) -> None:
    for request in requests:
        lanes.add_task(request)  # type: ignore[arg-type]


def test_a_client_has_one_thread_and_its_turn(lanes: RequestDispatcher) -> None:
    greedy = [Request("greedy") for _ in range(3)]
    others = [Request("one"), Request("other")]
    add(lanes, *greedy)
    assert greedy[0].has_begun.wait(5)
    add(lanes, *others)
    for request in others:
        request.may_end.set()
        assert request.has_ended.wait(5), "it waited for somebody else's"
    assert not greedy[1].has_begun.is_set(), "two of one client at once"
    late = Request("late")
    late.may_end.set()
    add(lanes, late)
    assert late.has_ended.wait(5)
    for request in greedy:
        assert request.has_begun.wait(5)
        request.may_end.set()
        assert request.has_ended.wait(5)


@pytest.mark.parametrize("busy", [RequestKind.UPLOAD, RequestKind.EXPENSIVE])
def test_no_kind_waits_for_another(lanes: RequestDispatcher, busy: RequestKind) -> None:
    slow = [Request(f"client {number}", busy) for number in range(THREADS[busy])]
    add(lanes, *slow)
    for request in slow:
        assert request.has_begun.wait(5)
    for kind in set(RequestKind) - {busy}:
        request = Request("client 0", kind)
        request.may_end.set()
        add(lanes, request)
        assert request.has_ended.wait(5)
    for request in slow:
        request.may_end.set()


def test_what_goes_wrong_in_one_ends_its_turn(lanes: RequestDispatcher) -> None:
    class Wrong(Request):
        def service(self) -> None:
            raise RuntimeError("on purpose")

    after = Request("greedy")
    after.may_end.set()
    add(lanes, Wrong("greedy"), after)
    assert after.has_ended.wait(5)
