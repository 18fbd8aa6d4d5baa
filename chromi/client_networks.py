"""Client names, and the surrounding networks that limits also apply to.

An IPv4 client's name is a single label. An IPv6 client's name has three labels, widest network first:
`SITE.HOME.LINK` for the /48, the /56 and the /64. The names of all clients in a network therefore start with
the network's name, so an index can find them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

IPV6_PREFIX_LENGTHS = (48, 56, 64)
"""A provider assigns a /64 to a phone, a /56 to a home and a /48 to an office.

Each may belong to a single person.
"""
IPV6_WEIGHTS = (2.0, 1.5, 1.0)
"""The allowance of each of these networks relative to a single address."""
LOCAL_NETWORKS = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("127.0.0.0/8", "::1/128"),  # loopback
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),  # RFC 1918
        *("fc00::/7", "fe80::/10"),  # unique local, link-local
    )
)
"""Listed explicitly because `is_private` is also true for Teredo and documentation addresses."""


@dataclass(frozen=True)
class Network:
    """A network's name and its allowance relative to a single address."""

    name: str
    weight: float

    def contains(self, client: str | None) -> bool:
        return client is not None and (client == self.name or client.startswith(f"{self.name}."))


def networks_of(client: str | None) -> Iterator[Network]:
    """Yield the networks around a client, widest first and the client itself last.

    Yields nothing for None.
    """
    if client is None:
        return
    labels = client.split(".")
    weights = IPV6_WEIGHTS if len(labels) == len(IPV6_WEIGHTS) else (1.0,)
    for depth, weight in enumerate(weights, start=1):
        yield Network(".".join(labels[:depth]), weight)


def widest_network_of(client: str) -> str:
    return client.split(".")[0]


def network_prefixes(address: str) -> list[str]:
    """Return the networks of an address as text, widest first. Malformed addresses are returned unchanged."""
    ip = parse_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        return [str(ipaddress.ip_network((int(ip), length), strict=False)) for length in IPV6_PREFIX_LENGTHS]
    return [address if ip is None else str(ip)]


def is_local(address: str) -> bool:
    """True for this machine and private networks, which have no limits."""
    ip = parse_address(address)
    return ip is not None and any(ip in network for network in LOCAL_NETWORKS)


def parse_address(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Parse an address, or return None. An IPv4 address mapped to IPv6 (`::ffff:1.2.3.4`) becomes IPv4."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return None
    return (ip.ipv4_mapped or ip) if isinstance(ip, ipaddress.IPv6Address) else ip
