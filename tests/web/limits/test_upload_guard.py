"""The upload guard checks announced bodies, which reserve no more than the client's share."""

from dataclasses import dataclass, field

import pytest
from flask import Flask
from flask.testing import FlaskClient

from chromi.admission.quota import job_quota
from chromi.config import MB, Settings
from chromi.db import DATABASE_ERRORS, Upload
from chromi.errors import ChromiError, ClipNotFound, DiskFull, RateLimited, UploadsFull, UploadTooLarge
from chromi.storage import MIN_FREE_BYTES, Storage
from chromi.web.limits.upload_guard import RequestKind, UploadGuard
from tests.support import tus_client
from tests.support.disk_space import set_free_space
from tests.support.tus_client import CREATION_URL, send_chunk

pytestmark = pytest.mark.slow

REMOTE, OTHER_REMOTE = "8.8.8.8", "7.7.7.7"
LARGE_BYTES = 100 * MB


@dataclass(eq=False)
class Request:
    """A request whose headers and first body byte have arrived."""

    command: str
    path: str
    content_length: int = LARGE_BYTES
    headers: dict[str, str] = field(default_factory=dict)
    chunked: bool = False
    body_bytes_received: int = 1


def whole_upload(size_bytes: int = LARGE_BYTES) -> Request:
    return Request("POST", "/uploads/", size_bytes)


def chunk(url: str, size_bytes: int = LARGE_BYTES, *, offset: str = "0", chunked: bool = False) -> Request:
    return Request("PATCH", url, size_bytes, {"UPLOAD_OFFSET": offset}, chunked)


def create(client: FlaskClient, address: str, size_bytes: int = LARGE_BYTES) -> str:
    """Create a resumable upload and return its URL."""
    response = tus_client.create(client, size_bytes, address)
    assert response.status_code == 201
    return response.location


def start_statuses(client: FlaskClient, address: str, count: int) -> list[int]:
    """Create this many uploads and send the first byte of each; return the last status of each."""
    return [tus_client.start(client, address, LARGE_BYTES).status_code for _ in range(count)]


@pytest.fixture
def guard(app: Flask, settings: Settings) -> UploadGuard:
    return UploadGuard(settings, app.extensions["chromi"].admission)


@pytest.fixture
def available_bytes(monkeypatch: pytest.MonkeyPatch) -> int:
    """The bytes that uploads may use on a nearly empty disk of 3 GB."""
    available_bytes = 2_300 * MB
    set_available_bytes(monkeypatch, available_bytes)
    return available_bytes


def set_available_bytes(monkeypatch: pytest.MonkeyPatch, available_bytes: int) -> None:
    set_free_space(monkeypatch, available_bytes + MIN_FREE_BYTES)


def check(guard: UploadGuard, request: Request, address: str = REMOTE) -> ChromiError | None:
    """Return the error with which the request is rejected, or None."""
    try:
        guard.check_headers(request, address)
    except ChromiError as error:
        return error
    return None


# -- shares --------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("available_bytes")
def test_chunks_of_unknown_uploads_reserve_nothing(client: FlaskClient, guard: UploadGuard) -> None:
    chunks = [chunk(f"{CREATION_URL}x") for _ in range(13)]
    assert {type(check(guard, request)) for request in chunks} == {ClipNotFound}
    assert check(guard, whole_upload(), OTHER_REMOTE) is None
    create(client, OTHER_REMOTE)


def test_announced_forms_of_one_client_leave_space_for_others(
    guard: UploadGuard, available_bytes: int
) -> None:
    forms = [whole_upload() for _ in range(13)]
    errors = [check(guard, request) for request in forms]
    assert {type(error) for error in errors} == {type(None), RateLimited}
    assert errors.count(None) * LARGE_BYTES <= available_bytes / 3
    assert check(guard, whole_upload(), OTHER_REMOTE) is None


@pytest.mark.usefixtures("available_bytes")
def test_announced_chunks_of_one_client_leave_space_for_others(
    client: FlaskClient, guard: UploadGuard
) -> None:
    url = create(client, REMOTE)
    chunks = [chunk(url) for _ in range(13)]
    errors = [check(guard, request) for request in chunks]
    assert {type(error) for error in errors} == {type(None), RateLimited}
    assert check(guard, whole_upload(), OTHER_REMOTE) is None


@pytest.mark.usefixtures("available_bytes")
def test_started_uploads_of_one_client_leave_space_for_others(client: FlaskClient) -> None:
    assert start_statuses(client, REMOTE, 13) == [204] * 7 + [429] * 6
    assert start_statuses(client, "8.8.4.4", 13).count(204) == 5
    assert start_statuses(client, OTHER_REMOTE, 1) == [204]


@pytest.mark.usefixtures("available_bytes")
def test_announced_forms_of_several_clients_leave_space_for_others(guard: UploadGuard) -> None:
    """Each client gets a third of what the others leave."""
    admitted = []
    for address in ("1.1.1.1", "2.2.2.2", "3.3.3.3", "4.4.4.4", "5.5.5.5"):
        forms = [whole_upload() for _ in range(13)]
        admitted += [request for request in forms if check(guard, request, address) is None]
    assert len(admitted) == 7 + 5 + 3 + 2 + 2
    assert check(guard, whole_upload(), OTHER_REMOTE) is None


@pytest.mark.usefixtures("available_bytes")
def test_bodies_reserve_nothing_before_their_first_byte(guard: UploadGuard) -> None:
    silent = [whole_upload() for _ in range(50)]
    for request in silent:
        request.body_bytes_received = 0
        assert check(guard, request) is None
    assert [check(guard, whole_upload()) for _ in range(7)] == [None] * 7
    for request in silent:
        request.body_bytes_received = 1
    assert {type(check(guard, request)) for request in silent[:7]} == {RateLimited}


def test_client_without_active_body_is_admitted_beyond_the_limit(guard: UploadGuard) -> None:
    admitted = []
    for address in ("1.1.1.1", "2.2.2.2", "3.3.3.3", "4.4.4.4"):
        forms = [whole_upload(1000) for _ in range(13)]
        admitted += [request for request in forms if check(guard, request, address) is None]
    assert len(admitted) == 40
    assert check(guard, whole_upload(1000), OTHER_REMOTE) is None
    assert isinstance(check(guard, whole_upload(1000), OTHER_REMOTE), UploadsFull)


@pytest.mark.usefixtures("available_bytes")
def test_first_chunk_of_an_upload_needs_a_slot(client: FlaskClient, guard: UploadGuard) -> None:
    urls = [create(client, REMOTE) for _ in range(8)]
    for url in urls[:7]:
        assert send_chunk(client, url, 0, b"x").status_code == 204
    assert isinstance(check(guard, chunk(urls[7], 4 * MB)), RateLimited)
    assert check(guard, chunk(urls[6], 4 * MB, offset="1")) is None


@pytest.mark.usefixtures("available_bytes")
def test_release_frees_the_reservation(guard: UploadGuard) -> None:
    forms = [whole_upload() for _ in range(7)]
    assert [check(guard, request) for request in forms] == [None] * 7
    assert isinstance(check(guard, whole_upload()), RateLimited)
    guard.release(forms[0])
    assert check(guard, whole_upload()) is None


def test_empty_chunk_is_handled_as_an_upload(guard: UploadGuard) -> None:
    """It has no body to check, but may complete an upload, which ffmpeg then probes."""
    assert guard.kind_of(chunk(f"{CREATION_URL}{'0' * 32}", 0)) is RequestKind.UPLOAD
    assert guard.kind_of(Request("HEAD", f"{CREATION_URL}{'0' * 32}", 0)) is RequestKind.QUICK


@pytest.mark.usefixtures("available_bytes")
def test_started_uploads_continue_when_space_becomes_scarce(
    client: FlaskClient, guard: UploadGuard, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = [tus_client.start(client, REMOTE, LARGE_BYTES).request.path for _ in range(7)]
    set_available_bytes(monkeypatch, 900 * MB)
    assert tus_client.create(client, LARGE_BYTES, REMOTE).status_code == 429
    chunks = [chunk(url, 4 * MB, offset="1") for url in urls]
    assert [check(guard, request) for request in chunks] == [None] * 7


def test_small_disk_has_space_for_one_upload(
    client: FlaskClient, guard: UploadGuard, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_available_bytes(monkeypatch, 250 * MB)
    first = chunk(create(client, REMOTE))
    assert check(guard, first) is None
    assert isinstance(check(guard, whole_upload()), RateLimited)
    set_available_bytes(monkeypatch, 190 * MB)
    assert isinstance(check(guard, whole_upload(), OTHER_REMOTE), DiskFull)


def test_conversion_beyond_jobs_per_hour_is_rejected_before_its_body(
    app: Flask, guard: UploadGuard, settings: Settings
) -> None:
    client = app.extensions["chromi"].admission.client_of(REMOTE)
    job_quota(settings).acquire(client, settings.jobs_per_hour)
    assert isinstance(check(guard, Request("POST", "/convert/", 1000)), RateLimited)
    assert check(guard, whole_upload(1000)) is None


@pytest.mark.parametrize("error_class", DATABASE_ERRORS)
def test_upload_is_admitted_while_the_database_cannot_be_asked(
    guard: UploadGuard, monkeypatch: pytest.MonkeyPatch, error_class: type[Exception]
) -> None:
    """The view will check it."""

    def fail() -> None:
        raise error_class("the connection was lost")

    monkeypatch.setattr(Upload, "list_active", fail)
    request = whole_upload(1000)
    assert check(guard, request) is None
    assert guard.kind_of(request) is RequestKind.UPLOAD


# -- chunks --------------------------------------------------------------------------------------------------


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
def test_invalid_chunk_is_rejected_before_its_body(
    client: FlaskClient, guard: UploadGuard, storage: Storage, offset: str, size_bytes: int, code: str
) -> None:
    url = create(client, REMOTE, 1000)
    storage.partial_upload_path(Upload.get().id).write_bytes(bytes(100))
    error = check(guard, chunk(url, size_bytes, offset=offset))
    assert error
    assert error.code == code
    assert check(guard, chunk(url, 900, offset="100")) is None


def test_chunk_without_content_length_may_not_exceed_its_upload(
    client: FlaskClient, guard: UploadGuard
) -> None:
    request = chunk(create(client, REMOTE, 1000), 0, chunked=True)
    assert check(guard, request) is None
    guard.check_size(request, 1000)
    with pytest.raises(UploadTooLarge, match="exceeds the upload’s declared length"):
        guard.check_size(request, 2 * MB)
