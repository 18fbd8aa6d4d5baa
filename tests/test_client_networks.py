"""Clients are grouped by the networks around their addresses."""

import pytest

from chromi.client_networks import is_local, network_prefixes


@pytest.mark.parametrize(
    ("one", "other"), [("2001:4860::1", "2001:4860:0:ff01::1"), ("::ffff:8.8.8.8", "8.8.8.8")]
)
def test_addresses_of_one_site_have_the_same_widest_network(one: str, other: str) -> None:
    assert network_prefixes(one)[0] == network_prefixes(other)[0]
    assert network_prefixes(one)[0] != network_prefixes("2001:4860:1::1")[0]


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "10.0.0.1", "192.168.1.7", "fd00::1", "fe80::1%eth0"]
)
def test_private_addresses_are_local(address: str) -> None:
    assert is_local(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860::1", "2001:0::1", "not an address", ""])
def test_other_addresses_are_not_local(address: str) -> None:
    assert not is_local(address)
