"""Limits apply to remote addresses and to the IPv6 networks around them; local addresses have none."""

import pytest
from flask.testing import FlaskClient

from chromi.admission.admission_control import AdmissionControl, Reservation
from chromi.db import Job, JobKind, RateLimitUsage, Upload
from chromi.errors import RateLimited
from tests.support.disk_space import set_free_space
from tests.support.tus_client import create, start

IN_ONE_64 = [f"2001:4860:0:1::{number}" for number in range(1, 10)]
IN_ONE_56 = [f"2001:4860:0:{number:x}::1" for number in range(1, 10)]
IN_ONE_48 = [f"2001:4860:0:{number:x}00::1" for number in range(1, 10)]
IN_ANOTHER_48 = "2001:4860:1::1"
NETWORKS = [(IN_ONE_64, 2, 3), (IN_ONE_56, 3, 4), (IN_ONE_48, 4, 6)]
"""Addresses in one network, its limit of concurrent uploads or jobs, and its limit of uploads per hour."""


@pytest.mark.slow
@pytest.mark.parametrize(("addresses", "max_active", "per_hour"), NETWORKS)
def test_network_gets_a_share_of_uploads_for_any_number_of_addresses(
    client: FlaskClient, addresses: list[str], max_active: int, per_hour: int
) -> None:
    assert [start(client, address).status_code for address in addresses].count(204) == max_active
    Upload.delete().execute()
    RateLimitUsage.delete().execute()
    created = 0
    for _ in range(2):
        responses = [create(client, 1000, address) for address in addresses]
        Upload.delete().execute()
        assert {response.status_code for response in responses} <= {201, 429}
        created += sum(response.status_code == 201 for response in responses)
    assert created == per_hour
    assert create(client, 1000, IN_ANOTHER_48).status_code == 201


@pytest.mark.slow
@pytest.mark.parametrize(("addresses", "max_active", "_"), NETWORKS)
def test_network_gets_a_share_of_the_queue_and_one_first_position(
    admission: AdmissionControl, addresses: list[str], max_active: int, _: int
) -> None:
    priorities = []
    for address in addresses[:max_active]:
        name = admission.client_of(address)
        admission.check_job(name, JobKind.CONVERT)
        priorities.append(admission.priority_for(name, JobKind.CONVERT))
        Job.create(options_json={}, client=name)
    assert priorities == [-number for number in range(max_active)]
    with pytest.raises(RateLimited):
        admission.check_job(admission.client_of(addresses[max_active]), JobKind.CONVERT)


def test_network_gets_a_share_of_the_disk(
    admission: AdmissionControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six clips of 400 MB, each from another /64 of one /48, while 1 GB is free."""
    set_free_space(monkeypatch, 1_000_000_000)
    for address in IN_ONE_48[:6]:
        name = admission.client_of(address)
        admission.check_upload(Reservation(name, 1), (), starts_job=False)
        Upload.create(client=name, length_bytes=400_000_000, info_json={})
    with pytest.raises(RateLimited, match="its share of storage"):
        admission.check_upload(Reservation(admission.client_of(IN_ONE_48[7]), 1), (), starts_job=False)
    admission.check_upload(Reservation(admission.client_of(IN_ANOTHER_48), 1), (), starts_job=False)


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
def test_addresses_in_one_64_are_the_same_client(
    admission: AdmissionControl, one: str, other: str, are_same: bool
) -> None:
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
def test_local_address_has_no_limits(admission: AdmissionControl, client: FlaskClient, address: str) -> None:
    assert admission.client_of(address) is None
    create(client, 1000, address)
    assert RateLimitUsage.select().count() == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "address",
    [
        *("2001::1", "2001:0:53aa:64c:0:f0f0:f7f7:f7f7", "2002:808:808::1", "2001:db8::1", "64:ff9b:1::1"),
        *("192.0.2.1", "203.0.113.1", "198.18.0.1", "100.64.0.1", "169.254.1.1", "172.32.0.1"),
        *("0.0.0.0", "::", "", "nonsense"),
    ],
)
def test_all_other_addresses_have_limits(admission: AdmissionControl, address: str) -> None:
    assert admission.client_of(address)
