"""Everybody gets a share: limits for each address on the internet, none for the own machine and network."""

import logging
import shutil
import time
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chromi.admission import quota as quota_module
from chromi.admission.admission_control import AdmissionControl, Reservation
from chromi.config import Settings
from chromi.db import Job, JobKind, RateLimitUsage, Upload, database
from chromi.encoder import ConversionOptions
from chromi.errors import QueueFull, RateLimited, UploadsFull
from chromi.jobs import cleanup
from chromi.storage import Storage
from tests.support.http_forms import FRAGMENT, PAGE, files_in, form

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
        upload_mb_per_hour=20,
    )


def begin(client: FlaskClient, address: str, size_bytes: int = 1000, **headers: str) -> TestResponse:
    return client.post(
        "/uploads/resumable/",
        headers={**TUS, "Upload-Length": str(size_bytes), **headers},
        environ_base={"REMOTE_ADDR": address},
    )


def send_byte(client: FlaskClient, address: str, offset: int = 0) -> TestResponse:
    headers = {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
    return client.patch(address, headers=TUS | headers, data=b"x")


def start(client: FlaskClient, address: str, size_bytes: int = 1000) -> TestResponse:
    """Begin an upload and send its first byte; the first answer that is a refusal, else the last one."""
    answer = begin(client, address, size_bytes)
    return answer if answer.status_code != 201 else send_byte(client, answer.location)


def test_one_upload_more_than_an_address_has_in_an_hour(client: FlaskClient) -> None:
    for _ in range(3):
        assert begin(client, "8.8.8.8").status_code == 201
        Upload.delete().execute()
    answer = begin(client, "8.8.8.8")
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (429, "too_many")
    assert 1100 < int(answer.headers["Retry-After"]) <= 1200
    assert "20 min" in answer.get_json()["error"]["message"]
    assert begin(client, "9.9.9.9").status_code == 201


def test_bytes_count_too(client: FlaskClient) -> None:
    assert begin(client, "8.8.8.8", 10_000_000).status_code == 201
    assert begin(client, "8.8.8.8", 9_000_000).status_code == 201
    Upload.delete().execute()
    assert begin(client, "8.8.8.8", 9_000_000).status_code == 429
    assert Upload.select().count() == 0


def test_a_forged_forwarded_address_is_nobodys(client: FlaskClient) -> None:
    for number in range(3):
        begin(client, "8.8.8.8", **{"X-Forwarded-For": f"1.1.1.{number}", "Forwarded": "for=1.1.1.1"})
        Upload.delete().execute()
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
    admission: AdmissionControl = app.extensions["chromi"].admission
    theirs = admission.client_of("8.8.8.8")
    waiting = [Job.create(options_json=ConversionOptions().to_dict(), client=theirs) for _ in range(2)]
    answer = client.post(f"/uploads/{upload}/loops/", environ_base=STRANGER)
    assert answer.status_code == 429
    assert "are waiting already" in answer.get_json()["error"]["message"]
    assert client.post(f"/uploads/{upload}/loops/", environ_base=ANOTHER).status_code == 202
    Job.cancel(waiting[0].id)
    assert client.post(f"/uploads/{upload}/loops/", environ_base=STRANGER).status_code == 202


def test_uploads_under_way_are_counted_for_each_and_for_all(client: FlaskClient) -> None:
    answers = [start(client, "8.8.8.8") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [204, 204, 429]
    assert answers[-1].headers["Retry-After"] == "20"
    for address in ("9.9.9.9", "127.0.0.1"):
        assert [start(client, address).status_code for _ in range(2)] == [204, 204]
    answer = start(client, "127.0.0.1")
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (503, "uploads_full")
    Upload.update(used_at=0).execute()  # nobody went on with them
    assert start(client, "127.0.0.1").status_code == 204


def test_uploads_of_which_no_byte_has_come_hold_no_place(client: FlaskClient) -> None:
    for address in ("1.1.1.1", "2.2.2.2", "3.3.3.3", "4.4.4.4"):
        assert [begin(client, address).status_code for _ in range(3)] == [201] * 3
    assert [start(client, "8.8.8.8").status_code for _ in range(2)] == [204, 204]


def test_an_upload_finds_its_place_with_its_first_byte(client: FlaskClient) -> None:
    addresses = [begin(client, "8.8.8.8").location for _ in range(3)]
    answers = [send_byte(client, address) for address in addresses]
    assert [answer.status_code for answer in answers] == [204, 204, 429]
    assert send_byte(client, addresses[0], offset=1).status_code == 204
    assert client.delete(addresses[0], headers=TUS).status_code == 204
    assert send_byte(client, addresses[2]).status_code == 204


def test_whoever_has_no_upload_under_way_may_begin_one(client: FlaskClient) -> None:
    for address in ("1.1.1.1", "2.2.2.2", "3.3.3.3"):
        assert [start(client, address).status_code for _ in range(2)] == [204, 204]
    for address in ("7.7.7.7", "127.0.0.1", "2001:4860::1"):
        assert [start(client, address).status_code for _ in range(2)] == [204, 503]


def test_a_crowd_of_newcomers_has_an_end(app: Flask) -> None:
    admission: AdmissionControl = app.extensions["chromi"].admission
    crowd = [Reservation(f"client {number}", 1) for number in range(60)]
    admission.check_upload_slot("another", crowd[1:])
    with pytest.raises(UploadsFull):
        admission.check_upload_slot("another", crowd)
    Job.insert_many([{"options_json": {}, "client": claim.client} for claim in crowd[1:]]).execute()
    admission.check_job("another", JobKind.CONVERT)
    Job.create(options_json={})
    with pytest.raises(QueueFull):
        admission.check_job("another", JobKind.CONVERT)


@pytest.mark.parametrize("kind", list(JobKind))
def test_whoever_has_nothing_waiting_is_let_into_a_full_queue(app: Flask, kind: JobKind) -> None:
    admission: AdmissionControl = app.extensions["chromi"].admission
    for address in ("1.1.1.1", "2.2.2.2", "3.3.3.3"):
        for _ in range(2):
            Job.create(options_json={}, client=admission.admit_job(address, JobKind.CONVERT))
    newcomer = admission.admit_job("7.7.7.7", kind)
    Job.create(options_json={}, client=newcomer, kind=kind)
    with pytest.raises(QueueFull):
        admission.check_job(newcomer, kind)
    if kind is JobKind.ESTIMATE:
        admission.check_job(newcomer, JobKind.CONVERT)  # a studio's own estimate keeps nobody out


# -- networks ------------------------------------------------------------------------------------------------

IN_ONE_64 = [f"2001:4860:0:1::{number}" for number in range(1, 10)]
IN_ONE_56 = [f"2001:4860:0:{number:x}::1" for number in range(1, 10)]
IN_ONE_48 = [f"2001:4860:0:{number:x}00::1" for number in range(1, 10)]
NETWORKS = [(IN_ONE_64, 2, 3), (IN_ONE_56, 3, 4), (IN_ONE_48, 4, 6)]


@pytest.mark.parametrize(("addresses", "at_once", "in_an_hour"), NETWORKS)
def test_a_network_has_a_share_however_many_addresses_it_has(
    client: FlaskClient, app: Flask, addresses: list[str], at_once: int, in_an_hour: int
) -> None:
    assert [start(client, address).status_code for address in addresses].count(204) == at_once
    Upload.delete().execute()
    RateLimitUsage.delete().execute()
    for _ in range(2):
        answers = [begin(client, address) for address in addresses]
        Upload.delete().execute()
        assert {answer.status_code for answer in answers} <= {201, 429}
        in_an_hour -= sum(answer.status_code == 201 for answer in answers)
    assert in_an_hour == 0
    assert begin(client, "2001:4860:1::1").status_code == 201, "another /48"


@pytest.mark.parametrize(("addresses", "at_once", "_"), NETWORKS)
def test_a_network_has_a_share_of_the_queue_and_one_first_turn(
    app: Flask, addresses: list[str], at_once: int, _: int
) -> None:
    admission: AdmissionControl = app.extensions["chromi"].admission
    turns = []
    for address in addresses[:at_once]:
        client = admission.client_of(address)
        admission.check_job(client, JobKind.CONVERT)
        turns.append(admission.priority_for(client, JobKind.CONVERT))
        Job.create(options_json={}, client=client)
    assert turns == [-number for number in range(at_once)]
    with pytest.raises(RateLimited):
        admission.check_job(admission.client_of(addresses[at_once]), JobKind.CONVERT)


def test_what_a_network_keeps_counts_together(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six clips of 400 MB from as many /64s of a /48 while 1 GB is free."""
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**10, 0, 1_000_000_000))
    admission: AdmissionControl = app.extensions["chromi"].admission
    for address in IN_ONE_48[:6]:
        client = admission.client_of(address)
        admission.check_upload(Reservation(client, 1), (), starts_job=False)
        Upload.create(client=client, length_bytes=400_000_000, info_json={})
    with pytest.raises(RateLimited, match="its share of the disk"):
        admission.check_upload(Reservation(admission.client_of(IN_ONE_48[7]), 1), (), starts_job=False)
    admission.check_upload(Reservation(admission.client_of("2001:4860:1::1"), 1), (), starts_job=False)


def test_where_the_disk_share_is_used_up_is_found_by_index(app: Flask) -> None:
    """The server's event loop asks it for each upload that begins."""
    admission: AdmissionControl = app.extensions["chromi"].admission
    asked: list[tuple[str, list[object]]] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            asked.append(record.msg)  # type: ignore[arg-type]

    keeper, peewee = Keeper(), logging.getLogger("peewee")
    peewee.addHandler(keeper)
    peewee.setLevel(logging.DEBUG)
    for address in ("8.8.8.8", "2001:4860::1"):
        admission.check_upload(Reservation(admission.client_of(address), 1), (), starts_job=True)
    peewee.setLevel(logging.NOTSET)
    peewee.removeHandler(keeper)
    plans = [
        step[3]
        for sql, values in asked
        for step in database.execute_sql(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()
    ]
    assert any("upload_client" in plan for plan in plans)
    assert any("job_client" in plan for plan in plans)
    assert not [plan for plan in plans if plan.startswith("SCAN")]


# -- what is given back and charged afterwards ---------------------------------------------------------------


def used(quota: str) -> float:
    """How much of a quota its takers have used up together, as a share of an hour."""
    rows = RateLimitUsage.select().where(RateLimitUsage.id.startswith(quota))
    return sum(max(0.0, row.free_at - time.time()) for row in rows) / 3600


def give_up(client: FlaskClient, settings: Settings, storage: Storage, address: str) -> None:
    assert client.delete(address, headers=TUS).status_code == 204


def let_it_expire(client: FlaskClient, settings: Settings, storage: Storage, address: str) -> None:
    Upload.update(used_at=0).execute()
    assert cleanup._remove_unused_uploads(settings, storage) == 1


@pytest.mark.parametrize("end", [give_up, let_it_expire])
@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860::1"])
def test_bytes_that_did_not_come_are_given_back(
    client: FlaskClient,
    settings: Settings,
    storage: Storage,
    end: Callable[[FlaskClient, Settings, Storage, str], None],
    address: str,
) -> None:
    upload = begin(client, address, 20_000_000).location
    piece = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    assert client.patch(upload, headers=TUS | piece, data=bytes(5_000_000)).status_code == 204
    assert begin(client, address, 15_000_000).status_code == 429
    end(client, settings, storage, upload)
    assert begin(client, address, 15_000_000).status_code == 201
    assert begin(client, address, 1_000_000).status_code == 429


def test_seconds_of_ffmpeg_are_charged(client: FlaskClient, clip: Path) -> None:
    """Six seconds for the three uploads of an hour."""
    assert client.post("/uploads/", **form(clip), environ_base=STRANGER).status_code == 201
    assert 0.02 < used("probe seconds") * 6 < 5
    RateLimitUsage.delete().execute()
    assert client.post("/uploads/", **form(clip)).status_code == 201
    assert used("probe seconds") == 0


@pytest.fixture
def one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave each address the seconds for one look by ffmpeg, however short."""
    monkeypatch.setattr(quota_module, "PROBE_S_PER_UPLOAD", 1.001 / 3)


@pytest.mark.usefixtures("one_look")
def test_whose_seconds_are_used_up_has_nothing_looked_at(
    client: FlaskClient, app: Flask, clip: Path, storage: Storage
) -> None:
    content = clip.read_bytes()
    begun = begin(client, "8.8.8.8", len(content)).location
    assert client.post("/uploads/", **form(clip), environ_base=STRANGER).status_code == 201
    before = files_in(storage)
    for address in ("/uploads/", "/convert/"):
        answer = client.post(address, **form(clip), environ_base=STRANGER)
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (429, "too_many")
    assert files_in(storage) == before
    assert begin(client, "8.8.8.8", len(content)).status_code == 429
    headers = TUS | {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    answer = client.patch(begun, headers=headers, data=content)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) < 3600
    RateLimitUsage.delete().execute()
    headers["Upload-Offset"] = str(len(content))
    assert client.patch(begun, headers=headers).status_code == 204, "all bytes are there still"


def test_no_upload_begins_for_which_there_is_no_room(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, storage: Storage
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 0, 501_500_000))
    assert start(client, "127.0.0.1", 1_000_000).status_code == 204
    answer = begin(client, "127.0.0.1", 1_000_000)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (503, "disk_full")
    assert answer.headers["Retry-After"]
    storage.upload_path(Upload.get().id).write_bytes(bytes(900_000))  # that much is here already
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
    admission: AdmissionControl = app.extensions["chromi"].admission
    names = [admission.client_of(address) for address in (one, other)]
    assert None not in names
    assert (names[0] == names[1]) is are_same
    assert one not in (names[0] or "")


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "::1", "192.168.1.7", "10.0.0.1", "172.31.0.1", "::ffff:10.0.0.1"),
        *("fd00::1", "fe80::1", "fe80::1%eth0"),
    ],
)
def test_the_own_machine_and_network_have_no_limits(app: Flask, client: FlaskClient, address: str) -> None:
    assert app.extensions["chromi"].admission.client_of(address) is None
    begin(client, address)
    assert RateLimitUsage.select().count() == 0


@pytest.mark.parametrize(
    "address",
    [
        *("2001::1", "2001:0:53aa:64c:0:f0f0:f7f7:f7f7", "2002:808:808::1", "2001:db8::1", "64:ff9b:1::1"),
        *("192.0.2.1", "203.0.113.1", "198.18.0.1", "100.64.0.1", "169.254.1.1", "172.32.0.1"),
        *("0.0.0.0", "::", "", "nonsense"),
    ],
)
def test_all_others_have(app: Flask, address: str) -> None:
    assert app.extensions["chromi"].admission.client_of(address)


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
    Upload.update(client=theirs, length_bytes=600_000_000).execute()
    result = job.result_json["result"] | {"bytes": 400_000_000}
    Job.update(client=theirs, result_json={"result": result}).execute()
    assert client.post(f"/uploads/{upload}/loops/", environ_base=STRANGER).status_code == 202
    Upload.update(length_bytes=600_000_001).execute()
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
    admission: AdmissionControl = app.extensions["chromi"].admission
    clients = {name: admission.client_of(f"8.8.8.{number}") for number, name in enumerate("abc", start=1)}
    jobs: dict[str, Job] = {}
    for turn in ("a1", "a2", "a3", "b1", "c1", "b2"):
        client = clients[turn[0]]
        priority = admission.priority_for(client, JobKind.CONVERT)
        jobs[turn] = Job.create(options_json={}, client=client, priority=priority)
    order = sorted(jobs, key=lambda turn: jobs[turn].queue_position)
    assert order == ["a1", "b1", "c1", "a2", "b2", "a3"]
    last = admission.priority_for(clients["c"], JobKind.ESTIMATE)
    assert last < min(job.priority for job in jobs.values())
    assert [admission.priority_for(None, JobKind.CONVERT) for _ in range(2)] == [0, 0], "no stranger"
