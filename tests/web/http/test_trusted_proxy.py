"""Only a trusted proxy determines the client address and the scheme."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, request
from waitress.proxy_headers import proxy_headers_middleware

from chromi import create_app
from chromi.config import Settings
from chromi.web.http.trusted_proxy import TRUSTED_HEADERS

PROXY, REMOTE = "10.0.0.2", "8.8.8.8"
SENT_HEADERS = {
    "X-Forwarded-For": "1.1.1.1, 2.2.2.2",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example.com",
    "Forwarded": "for=3.3.3.3;host=evil.example.com",
}

GetAddressAndUrl = Callable[..., tuple[str, str]]


@pytest.fixture
def get_address_and_url(settings: Settings) -> GetAddressAndUrl:
    """A function that returns the client address and the host URL that an application sees."""

    def get(
        peer: str, forwarded_for: str = "", *, is_wrapped_twice: bool = False, **changed: Any
    ) -> tuple[str, str]:
        app = create_app(dataclasses.replace(settings, **changed))
        app.add_url_rule("/test/who", "who", lambda: f"{request.remote_addr} {request.host_url}")
        if is_wrapped_twice:
            wrap_again(app, changed)
        headers = SENT_HEADERS | ({"X-Forwarded-For": forwarded_for} if forwarded_for else {})
        response = app.test_client().get("/test/who", headers=headers, environ_base={"REMOTE_ADDR": peer})
        address, url = response.text.split()
        return address, url

    return get


def wrap_again(app: Flask, proxy_settings: dict[str, Any]) -> None:
    """Wrap the application as a server that is also configured for the proxy would."""
    app.wsgi_app = proxy_headers_middleware(  # type: ignore[method-assign]
        app.wsgi_app, trusted_proxy_headers=TRUSTED_HEADERS, **proxy_settings
    )


@pytest.mark.parametrize("is_wrapped_twice", [False, True])
@pytest.mark.parametrize("trusted", [PROXY, "*"])
@pytest.mark.parametrize(("count", "client"), [(1, "2.2.2.2"), (2, "1.1.1.1")])
def test_trusted_proxy_headers_are_used(
    get_address_and_url: GetAddressAndUrl, trusted: str, count: int, client: str, is_wrapped_twice: bool
) -> None:
    seen = get_address_and_url(
        PROXY, is_wrapped_twice=is_wrapped_twice, trusted_proxy=trusted, trusted_proxy_count=count
    )
    assert seen == (client, "https://localhost/")


@pytest.mark.parametrize(
    ("peer", "trusted"),
    [
        ("::ffff:10.0.0.2", "10.0.0.2"),
        ("10.0.0.2", "::ffff:10.0.0.2"),
        ("::1", "0:0:0:0:0:0:0:1"),
        ("2001:db8::a", "2001:DB8::A"),
    ],
)
def test_proxy_is_trusted_however_its_address_is_written(
    get_address_and_url: GetAddressAndUrl, peer: str, trusted: str
) -> None:
    assert get_address_and_url(peer, trusted_proxy=trusted)[0] == "2.2.2.2"


@pytest.mark.parametrize(
    ("forwarded_for", "client"),
    [
        ("::ffff:2.2.2.2", "2.2.2.2"),
        ("1.1.1.1, ::FFFF:2.2.2.2", "2.2.2.2"),
        ("2.2.2.2:1234", "2.2.2.2"),
        ("2001:DB8::A", "2001:db8::a"),
        ("[2001:db8::a]:1234", "2001:db8::a"),
    ],
)
def test_forwarded_address_is_read_however_it_is_written(
    get_address_and_url: GetAddressAndUrl, forwarded_for: str, client: str
) -> None:
    assert get_address_and_url(PROXY, forwarded_for, trusted_proxy=PROXY)[0] == client


@pytest.mark.slow
@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-Proto": "ftp"},
        {"X-Forwarded-Proto": "http, https"},
        {"X-Forwarded-Proto": '"https'},
        {"X-Forwarded-For": '"1.1.1.1'},
        {"X-Forwarded-For": " :1.1"},
    ],
)
def test_malformed_headers_of_the_trusted_proxy_get_400(settings: Settings, headers: dict[str, str]) -> None:
    client = create_app(dataclasses.replace(settings, trusted_proxy=PROXY)).test_client()
    response = client.get("/", headers=headers, environ_base={"REMOTE_ADDR": PROXY})
    assert (response.status_code, response.get_json()["error"]["code"]) == (400, "bad_request")
    assert response.headers["X-Request-Id"]
    assert client.get("/", headers=headers, environ_base={"REMOTE_ADDR": REMOTE}).status_code == 200


@pytest.mark.parametrize("trusted", ["", PROXY])
def test_headers_of_other_peers_are_ignored(get_address_and_url: GetAddressAndUrl, trusted: str) -> None:
    assert get_address_and_url(REMOTE, trusted_proxy=trusted) == (REMOTE, "http://localhost/")
