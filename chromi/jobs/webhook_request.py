"""Send a webhook's request to a public address, and to nothing else.

The target is whatever a client names. The request therefore goes to exactly the address that was checked,
follows no redirect, and ends after DEADLINE_S, whatever the target sends.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import closing, suppress
from http.client import HTTPConnection
from urllib.parse import SplitResult, urlsplit

CONNECT_TIMEOUT_S = 5.0
DEADLINE_S = 10.0
"""The limit for the handshake, the request and the response's headers. The response's body is not read."""
MAX_ADDRESSES = 3
"""How many of a name's addresses are tried, each for CONNECT_TIMEOUT_S."""
MAX_URL_LENGTH = 2000

_NOT_PUBLIC = tuple(
    ipaddress.ip_network(text)
    for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "::/96", "fec0::/10")
)
"""IPv6 networks that `is_global` does not exclude: those whose addresses contain an IPv4 address, which may
be private (NAT64, 6to4, IPv4-compatible), and the deprecated site-local one."""


class NotPublic(OSError):
    """The target's name leads to private addresses only."""


def is_valid_target(url: str) -> bool:
    """True for an http or https URL without a password whose host is a name or a public address."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    is_plain = url.isascii() and url.isprintable() and " " not in url and len(url) <= MAX_URL_LENGTH
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or port == 0:
        return False
    return is_plain and _is_name_or_public(parts.hostname)


def is_public(address: str) -> bool:
    """True unless the address is private, loopback, link-local, multicast or reserved."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        if any(ip in network for network in _NOT_PUBLIC):
            return False
        ip = ip.ipv4_mapped or ip
    return ip.is_global and not ip.is_multicast


def send(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """POST the body and return the status. Raises NotPublic, OSError, HTTPException and UnicodeError."""
    parts = urlsplit(url)
    target = parts._replace(scheme="", netloc="", fragment="", path=parts.path or "/").geturl()
    connection = HTTPConnection(parts.hostname or "", parts.port or 80)  # not used: the socket is connected
    connection.sock = _connect(parts)
    with closing(connection), closing(connection.sock):
        # A timeout of the socket starts again with each byte. The base class's method ends TLS as well.
        is_late = threading.Event()
        deadline = threading.Timer(DEADLINE_S, _shut_down, [connection.sock, is_late])
        deadline.start()
        try:
            if isinstance(connection.sock, ssl.SSLSocket):
                connection.sock.do_handshake()
            connection.request("POST", target, body, {"Host": parts.netloc, **headers})
            status = connection.getresponse().status
            if is_late.is_set():
                raise TimeoutError(f"no complete response within {DEADLINE_S:g} s")
            return status
        finally:
            deadline.cancel()


def _is_name_or_public(host: str) -> bool:
    try:
        return is_public(host)
    except ValueError:
        return _is_name(host)  # its address is checked when the request is sent


def _is_name(host: str) -> bool:
    """Return whether a host can be resolved: no label may be empty or longer than 63 characters."""
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return True


def _connect(parts: SplitResult) -> socket.socket:
    """Connect to the first of the target's public addresses that accepts the connection."""
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    connection = _connect_to_any(_public_addresses(host, port)[:MAX_ADDRESSES], port)
    connection.settimeout(DEADLINE_S)
    if parts.scheme == "http":
        return connection
    return ssl.create_default_context().wrap_socket(
        connection, server_hostname=host, do_handshake_on_connect=False
    )


def _public_addresses(host: str, port: int) -> list[str]:
    """Resolve a name to its public addresses. Raises NotPublic if it has none, and OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    addresses = [str(address[0]) for *_, address in found]
    public = [address for address in addresses if is_public(address)]
    if not public:
        raise NotPublic("the host has no public address")
    return public


def _connect_to_any(addresses: list[str], port: int) -> socket.socket:
    *others, last = addresses
    for address in others:
        try:
            return socket.create_connection((address, port), CONNECT_TIMEOUT_S)
        except OSError:
            continue
    return socket.create_connection((last, port), CONNECT_TIMEOUT_S)


def _shut_down(connection: socket.socket, is_late: threading.Event) -> None:
    is_late.set()
    with suppress(OSError):  # already closed
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
