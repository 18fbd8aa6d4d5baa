"""Whom limits are kept for: an address, and the networks around it.

A client's name is one label for an IPv4 address. For IPv6 it is three, the widest network first:
`SITE.HOME.LINK` for the /48, the /56 and the /64. The names of all clients in a network therefore begin with
the network's own, which an index finds.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

PREFIXES = (48, 56, 64)
"""A provider gives a phone a /64, a home a /56 and an office a /48: each may be one person."""
WEIGHTS = (2.0, 1.5, 1.0)
"""How much each of PREFIXES may have, where one address may have 1: neighbors in a /48 are not quite one."""
LOCAL_NETWORKS = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("127.0.0.0/8", "::1/128"),  # loopback
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),  # RFC 1918
        *("fc00::/7", "fe80::/10"),  # unique local, link-local
    )
)
"""Listed because `is_private` also says so of Teredo and of documentation's addresses, among others."""


@dataclass(frozen=True)
class Network:
    """A network by its name, and how much it may have where one address may have 1."""

    name: str
    weight: float

    def contains(self, client: str | None) -> bool:
        return client is not None and (client == self.name or client.startswith(f"{self.name}."))


def networks_of(client: str | None) -> Iterator[Network]:
    """Give the networks that a client's name names, the widest first and itself last; none for None."""
    if client is None:
        return
    labels = client.split(".")
    weights = WEIGHTS if len(labels) == len(WEIGHTS) else (1.0,)
    for depth, weight in enumerate(weights, start=1):
        yield Network(".".join(labels[:depth]), weight)


def widest_network_of(client: str) -> str:
    return client.split(".")[0]


def labels_of(address: str) -> list[str]:
    """Give the networks of an address as texts, the widest first; what is no address stays as it is."""
    ip = _parse(address)
    if isinstance(ip, ipaddress.IPv6Address):
        return [str(ipaddress.ip_network((int(ip), prefix), strict=False)) for prefix in PREFIXES]
    return [address if ip is None else str(ip)]


def is_local(address: str) -> bool:
    """True for the own machine and the own network, which have no limits."""
    ip = _parse(address)
    return ip is not None and any(ip in network for network in LOCAL_NETWORKS)


def _parse(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return None
    return (ip.ipv4_mapped or ip) if isinstance(ip, ipaddress.IPv6Address) else ip
