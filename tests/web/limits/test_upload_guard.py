"""What is asked when a request's headers are here: promises cost nothing, so nobody may hold much by them."""

import shutil
from collections import namedtuple
from dataclasses import dataclass, field

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chromi.config import MB, Settings
from chromi.db import Upload
from chromi.errors import ChromiError, DiskFull, NotFound, RateLimited, UploadsFull, UploadTooLarge
from chromi.storage import MIN_FREE_BYTES, Storage
from chromi.web.limits.upload_guard import RequestKind, UploadGuard

ONE, STRANGER = "8.8.8.8", "7.7.7.7"
TUS = {"Tus-Resumable": "1.0.0"}
BASE = "/uploads/resumable/"
LARGE = 100 * MB


@dataclass(eq=False)
class Request:
    """A request whose headers are here, and one byte of its body."""

    command: str
    path: str
    content_length: int = LARGE
    headers: dict[str, str] = field(default_factory=dict)
    chunked: bool = False
    body_bytes_received: int = 1


def whole() -> Request:
    return Request("POST", "/uploads/")


def small() -> Request:
    return Request("POST", "/uploads/", 1000)


def piece(address: str, size_bytes: int = LARGE, *, offset: str = "0", chunked: bool = False) -> Request:
    return Request("PATCH", address, size_bytes, {"UPLOAD_OFFSET": offset}, chunked)


def begin(client: FlaskClient, address: str, size_bytes: int = LARGE) -> TestResponse:
    headers = TUS | {"Upload-Length": str(size_bytes)}
    return client.post(BASE, headers=headers, environ_base={"REMOTE_ADDR": address})


def send_byte(client: FlaskClient, address: str) -> TestResponse:
    headers = TUS | {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    return client.patch(address, headers=headers, data=b"x")


def start(client: FlaskClient, address: str) -> TestResponse:
    """Begin an upload and send its first byte; the first answer that is a refusal, else the last one."""
    answer = begin(client, address)
    return answer if answer.status_code != 201 else send_byte(client, answer.location)


@pytest.fixture
def guard(app: Flask, settings: Settings) -> UploadGuard:
    return UploadGuard(settings, app.extensions["chromi"].admission)


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> int:
    """Bytes that uploads may have on a volume of 3 GB that is nearly empty."""
    leave_room(monkeypatch, 2_300 * MB)
    return 2_300 * MB


def leave_room(monkeypatch: pytest.MonkeyPatch, room_bytes: int) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(0, 0, room_bytes + MIN_FREE_BYTES))


def refusal(guard: UploadGuard, request: Request, address: str = ONE) -> ChromiError | None:
    try:
        guard.check_headers(request, address)
    except ChromiError as error:
        return error
    return None


def test_pieces_of_no_upload_hold_nothing(client: FlaskClient, guard: UploadGuard, room: int) -> None:
    pieces = [piece(f"{BASE}x") for _ in range(13)]
    assert {type(refusal(guard, request)) for request in pieces} == {NotFound}
    assert refusal(guard, whole(), STRANGER) is None
    assert begin(client, STRANGER).status_code == 201


def test_bodies_that_an_address_promises_leave_room_for_others(
    client: FlaskClient, guard: UploadGuard, room: int
) -> None:
    forms = [whole() for _ in range(13)]
    refusals = [refusal(guard, request) for request in forms]
    assert {type(error) for error in refusals} == {type(None), RateLimited}
    assert refusals.count(None) * LARGE <= room / 3
    assert refusal(guard, whole(), STRANGER) is None


def test_pieces_that_an_address_promises_leave_room_for_others(
    client: FlaskClient, guard: UploadGuard, room: int
) -> None:
    address = begin(client, ONE).location
    pieces = [piece(address) for _ in range(13)]
    refusals = [refusal(guard, request) for request in pieces]
    assert {type(error) for error in refusals} == {type(None), RateLimited}
    assert refusal(guard, whole(), STRANGER) is None


def test_uploads_that_an_address_begins_leave_room_for_others(client: FlaskClient, room: int) -> None:
    statuses = [start(client, ONE).status_code for _ in range(13)]
    assert statuses == [204] * 7 + [429] * 6
    assert [start(client, "8.8.4.4").status_code for _ in range(13)].count(204) == 5
    assert start(client, STRANGER).status_code == 204


def test_what_a_few_promise_leaves_room_for_others(
    client: FlaskClient, guard: UploadGuard, room: int
) -> None:
    """Each has a third of what the others leave."""
    held = []
    for address in ("1.1.1.1", "2.2.2.2", "3.3.3.3", "4.4.4.4", "5.5.5.5"):
        forms = [whole() for _ in range(13)]
        held += [request for request in forms if refusal(guard, request, address) is None]
    assert len(held) == 7 + 5 + 3 + 2 + 2
    assert refusal(guard, whole(), STRANGER) is None


def test_bodies_of_which_no_byte_has_come_hold_nothing(
    client: FlaskClient, guard: UploadGuard, room: int
) -> None:
    silent = [whole() for _ in range(50)]
    for request in silent:
        request.body_bytes_received = 0
        assert refusal(guard, request) is None
    assert [refusal(guard, whole()) for _ in range(7)] == [None] * 7
    for request in silent:
        request.body_bytes_received = 1
    assert {type(refusal(guard, request)) for request in silent[:7]} == {RateLimited}


def test_whoever_sends_no_body_may_begin_with_one(client: FlaskClient, guard: UploadGuard) -> None:
    held = []
    for address in ("1.1.1.1", "2.2.2.2", "3.3.3.3", "4.4.4.4"):
        forms = [small() for _ in range(13)]
        held += [request for request in forms if refusal(guard, request, address) is None]
    assert len(held) == 40
    assert refusal(guard, small(), STRANGER) is None
    assert isinstance(refusal(guard, small(), STRANGER), UploadsFull)


def test_the_first_piece_of_an_upload_needs_a_place(
    client: FlaskClient, guard: UploadGuard, room: int
) -> None:
    addresses = [begin(client, ONE).location for _ in range(8)]
    for address in addresses[:7]:
        assert send_byte(client, address).status_code == 204
    assert isinstance(refusal(guard, piece(addresses[7], 4 * MB)), RateLimited)
    assert refusal(guard, piece(addresses[6], 4 * MB, offset="1")) is None


def test_what_has_been_answered_holds_nothing(client: FlaskClient, guard: UploadGuard, room: int) -> None:
    forms = [whole() for _ in range(7)]
    assert [refusal(guard, request) for request in forms] == [None] * 7
    assert isinstance(refusal(guard, whole()), RateLimited)
    guard.release(forms[0])
    assert refusal(guard, whole()) is None


def test_a_piece_without_bytes_goes_where_ffmpeg_is_admitted(guard: UploadGuard) -> None:
    """It has no body that is looked at, and may be an upload's last."""
    assert guard.kind_of(piece(f"{BASE}{'0' * 32}", 0)) is RequestKind.UPLOAD
    assert guard.kind_of(Request("HEAD", f"{BASE}{'0' * 32}", 0)) is RequestKind.QUICK


def test_what_has_begun_goes_on_when_room_gets_scarce(
    client: FlaskClient, guard: UploadGuard, room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = [start(client, ONE).request.path for _ in range(7)]
    leave_room(monkeypatch, 900 * MB)
    assert begin(client, ONE).status_code == 429
    pieces = [piece(address, 4 * MB, offset="1") for address in addresses]
    assert [refusal(guard, request) for request in pieces] == [None] * 7


def test_on_a_small_disk_one_upload_fits(
    client: FlaskClient, guard: UploadGuard, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_room(monkeypatch, 250 * MB)
    first = piece(begin(client, ONE).location)
    assert refusal(guard, first) is None
    assert isinstance(refusal(guard, whole()), RateLimited)
    leave_room(monkeypatch, 190 * MB)
    assert isinstance(refusal(guard, whole(), STRANGER), DiskFull)


@pytest.mark.parametrize(
    ("offset", "size_bytes", "code"),
    [
        ("0", 10, "wrong_offset"),
        ("999", 10, "wrong_offset"),
        ("100", 901, "too_large"),
        ("-1", 10, "bad_request"),
        ("", 10, "bad_request"),
    ],
)
def test_a_piece_that_does_not_fit_is_refused_before_it_comes(
    client: FlaskClient, guard: UploadGuard, storage: Storage, offset: str, size_bytes: int, code: str
) -> None:
    address = begin(client, ONE, 1000).location
    storage.upload_path(Upload.get().id).write_bytes(bytes(100))
    error = refusal(guard, piece(address, size_bytes, offset=offset))
    assert error
    assert error.code == code
    assert refusal(guard, piece(address, 900, offset="100")) is None


def test_a_piece_without_a_length_ends_where_its_upload_does(client: FlaskClient, guard: UploadGuard) -> None:
    request = piece(begin(client, ONE, 1000).location, 0, chunked=True)
    assert refusal(guard, request) is None
    guard.check_size(request, 1000)
    with pytest.raises(UploadTooLarge, match="goes on beyond the length"):
        guard.check_size(request, 2 * MB)
