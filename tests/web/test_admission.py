"""Everybody gets a share: limits for each address on the internet, none for the own machine and network."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chromi.config import Settings
from chromi.encoder import Recipe
from chromi.models import Allowance, Job, JobKind, PartialUpload, Upload
from chromi.storage import Storage
from chromi.web.admission import Admission
from tests.web.conftest import FRAGMENT, PAGE, files_in, form

STRANGER = {"REMOTE_ADDR": "8.8.8.8"}
ANOTHER = {"REMOTE_ADDR": "9.9.9.9"}
TUS = {"Tus-Resumable": "1.0.0"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        instance=tmp_path / "instance",
        inline=True,
        max_upload_mb=20,
        max_queue=6,
        max_uploads=6,
        uploads_per_hour=3,
        jobs_per_hour=2,
        mb_per_hour=20,
    )


def begin(client: FlaskClient, address: str, size_bytes: int = 1000, **headers: str) -> TestResponse:
    return client.post(
        "/uploads/resumable/",
        headers={**TUS, "Upload-Length": str(size_bytes), **headers},
        environ_base={"REMOTE_ADDR": address},
    )


def test_one_upload_more_than_an_address_has_in_an_hour(client: FlaskClient) -> None:
    for _ in range(3):
        assert begin(client, "8.8.8.8").status_code == 201
        PartialUpload.delete().execute()
    answer = begin(client, "8.8.8.8")
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (429, "too_many")
    assert 1100 < int(answer.headers["Retry-After"]) <= 1200
    assert "20 min" in answer.get_json()["error"]["message"]
    assert begin(client, "9.9.9.9").status_code == 201


def test_bytes_count_too(client: FlaskClient) -> None:
    assert begin(client, "8.8.8.8", 10_000_000).status_code == 201
    assert begin(client, "8.8.8.8", 9_000_000).status_code == 201
    PartialUpload.delete().execute()
    assert begin(client, "8.8.8.8", 9_000_000).status_code == 429
    assert PartialUpload.select().count() == 0


def test_a_forged_forwarded_address_is_nobodys(client: FlaskClient) -> None:
    for number in range(3):
        begin(client, "8.8.8.8", **{"X-Forwarded-For": f"1.1.1.{number}", "Forwarded": "for=1.1.1.1"})
        PartialUpload.delete().execute()
    assert begin(client, "8.8.8.8", **{"X-Forwarded-For": "1.1.1.9"}).status_code == 429


def test_a_form_that_is_refused_leaves_nothing_and_says_so_on_its_page(
    client: FlaskClient, storage: Storage, clip: Path
) -> None:
    for _ in range(3):
        client.post("/uploads/", **form(b"no video"), environ_base=STRANGER)
    answer = client.post("/uploads/", **form(clip), environ_base=STRANGER, headers=PAGE)
    assert answer.status_code == 429
    assert "A lot has come from your network" in answer.text
    assert 'enctype="multipart/form-data"' in answer.text
    assert files_in(storage) == []


def test_one_job_more_than_an_address_has_in_an_hour(client: FlaskClient, upload: str) -> None:
    for _ in range(2):
        assert client.post(f"/uploads/{upload}/loops/", environ_base=STRANGER).status_code == 202
    answer = client.post(f"/uploads/{upload}/loops/", environ_base=STRANGER, headers=FRAGMENT)
    assert answer.status_code == 429
    assert 'data-part="retry">Try again' in answer.text
    assert client.post(f"/uploads/{upload}/loops/").status_code == 202


def test_an_address_has_a_third_of_the_queue(client: FlaskClient, app: Flask, upload: str) -> None:
    admission: Admission = app.extensions["chromi"].admission
    theirs = admission.client_of("8.8.8.8")
    waiting = [Job.create(recipe_json=Recipe().to_dict(), client=theirs) for _ in range(2)]
    answer = client.post(f"/uploads/{upload}/loops/", environ_base=STRANGER)
    assert answer.status_code == 429
    assert "are waiting already" in answer.get_json()["error"]["message"]
    assert client.post(f"/uploads/{upload}/loops/", environ_base=ANOTHER).status_code == 202
    Job.cancel(waiting[0].id)
    assert client.post(f"/uploads/{upload}/loops/", environ_base=STRANGER).status_code == 202


def test_uploads_under_way_are_counted_for_each_and_for_all(client: FlaskClient) -> None:
    answers = [begin(client, "8.8.8.8").status_code for _ in range(3)]
    assert answers == [201, 201, 429]
    assert begin(client, "8.8.8.8").headers["Retry-After"] == "20"
    for address in ("9.9.9.9", "127.0.0.1"):
        assert [begin(client, address).status_code for _ in range(2)] == [201, 201]
    answer = begin(client, "7.7.7.7")
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (503, "uploads_full")
    PartialUpload.update(used_at=0).execute()  # nobody went on with them
    assert begin(client, "7.7.7.7").status_code == 201


def test_no_upload_begins_for_which_there_is_no_room(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, storage: Storage
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 0, 501_500_000))
    assert begin(client, "127.0.0.1", 1_000_000).status_code == 201
    answer = begin(client, "127.0.0.1", 1_000_000)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (503, "disk_full")
    assert answer.headers["Retry-After"]
    storage.partial_path(PartialUpload.get().id).write_bytes(bytes(900_000))  # that much is here already
    assert begin(client, "127.0.0.1", 1_000_000).status_code == 201


@pytest.mark.parametrize(
    ("one", "other", "are_same"),
    [
        ("2001:4860::1", "2001:4860::ffff:2", True),
        ("2001:4860::1", "2001:4860:0:1::1", False),
        ("::ffff:8.8.8.8", "8.8.8.8", True),
        ("8.8.8.8", "8.8.8.9", False),
        ("nonsense", "nonsense", True),
    ],
)
def test_who_is_the_same_client(app: Flask, one: str, other: str, are_same: bool) -> None:
    admission: Admission = app.extensions["chromi"].admission
    names = [admission.client_of(address) for address in (one, other)]
    assert None not in names
    assert (names[0] == names[1]) is are_same
    assert one not in (names[0] or "")


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "192.168.1.7", "10.0.0.1", "fd00::1", "::ffff:10.0.0.1"]
)
def test_the_own_machine_and_network_have_no_limits(app: Flask, client: FlaskClient, address: str) -> None:
    assert app.extensions["chromi"].admission.client_of(address) is None
    begin(client, address)
    assert Allowance.select().count() == 0


def test_no_job_is_taken_on_a_disk_that_fills_up(
    client: FlaskClient, upload: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 0, 100_000_000))
    for address in (f"/uploads/{upload}/jobs/", f"/uploads/{upload}/loops/"):
        answer = client.post(address)
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (503, "disk_full")


def test_an_address_keeps_a_third_of_the_disk(
    client: FlaskClient, app: Flask, upload: str, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clip of 600 MB and a background of 400 MB, while 2 GB are free."""
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**10, 0, 2_000_000_000))
    theirs = app.extensions["chromi"].admission.client_of("8.8.8.8")
    Upload.update(client=theirs, bytes=600_000_000).execute()
    Job.update(client=theirs, result_json=job.result_json | {"bytes": 400_000_000}).execute()
    assert client.post(f"/uploads/{upload}/loops/", environ_base=STRANGER).status_code == 202
    Upload.update(bytes=600_000_001).execute()
    answers = [client.post(f"/uploads/{upload}/loops/", environ_base=STRANGER), begin(client, "8.8.8.8")]
    for answer in answers:
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3600")
        assert "its share of the disk" in answer.get_json()["error"]["message"]
    assert client.post(f"/uploads/{upload}/loops/", environ_base=ANOTHER).status_code == 202
    assert begin(client, "9.9.9.9").status_code == 201


@pytest.mark.parametrize("way", ["whole", "in pieces"])
def test_a_clip_is_its_senders(client: FlaskClient, app: Flask, clip: Path, way: str) -> None:
    content = clip.read_bytes()
    if way == "whole":
        assert client.post("/uploads/", **form(clip), environ_base=STRANGER).status_code == 201
    else:
        address = begin(client, "8.8.8.8", len(content)).headers["Location"]
        piece = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        assert client.patch(address, headers=TUS | piece, data=content).status_code == 204
    assert Upload.get().client == app.extensions["chromi"].admission.client_of("8.8.8.8")


def test_a_clients_second_goes_behind_everybodys_first(app: Flask) -> None:
    admission: Admission = app.extensions["chromi"].admission
    clients = {name: admission.client_of(f"8.8.8.{number}") for number, name in enumerate("abc", start=1)}
    jobs: dict[str, Job] = {}
    for turn in ("a1", "a2", "a3", "b1", "c1", "b2"):
        client = clients[turn[0]]
        priority = admission.turn_of(client, JobKind.CONVERT)
        jobs[turn] = Job.create(recipe_json={}, client=client, priority=priority)
    order = sorted(jobs, key=lambda turn: jobs[turn].queue_position)
    assert order == ["a1", "b1", "c1", "a2", "b2", "a3"]
    last = admission.turn_of(clients["c"], JobKind.ESTIMATE)
    assert last < min(job.priority for job in jobs.values())
    assert [admission.turn_of(None, JobKind.CONVERT) for _ in range(2)] == [0, 0], "no stranger"
