"""A trusted proxy names the client and its scheme; nobody else can."""

import dataclasses
from typing import Any

import pytest
from flask import Flask, request
from waitress.proxy_headers import proxy_headers_middleware

from chromi import create_app
from chromi.config import Settings
from chromi.web.http.trusted_proxy import TRUSTED_HEADERS

PROXY, STRANGER = "10.0.0.2", "8.8.8.8"
SENT = {
    "X-Forwarded-For": "1.1.1.1, 2.2.2.2",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example.com",
    "Forwarded": "for=3.3.3.3;host=evil.example.com",
}


@pytest.fixture
def tell(settings: Settings) -> Any:
    """Ask an application what it takes the client and its own address for."""

    def tell(peer: str, *, again: bool = False, **changed: Any) -> tuple[str, str]:
        app = create_app(dataclasses.replace(settings, **changed))
        app.add_url_rule("/test/who", "who", lambda: f"{request.remote_addr} {request.host_url}")
        if again:
            wrap_once_more(app, changed)
        answer = app.test_client().get("/test/who", headers=SENT, environ_base={"REMOTE_ADDR": peer})
        address, url = answer.text.split()
        return address, url

    return tell


def wrap_once_more(app: Flask, changed: dict[str, Any]) -> None:
    """As a server does that was told of the proxy, too."""
    app.wsgi_app = proxy_headers_middleware(  # type: ignore[method-assign]
        app.wsgi_app, trusted_proxy_headers=TRUSTED_HEADERS, **changed
    )


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("trusted", [PROXY, "*"])
@pytest.mark.parametrize(("count", "client"), [(1, "2.2.2.2"), (2, "1.1.1.1")])
def test_the_trusted_proxy_is_believed(tell: Any, trusted: str, count: int, client: str, again: bool) -> None:
    told = tell(PROXY, again=again, trusted_proxy=trusted, trusted_proxy_count=count)
    assert told == (client, "https://localhost/")


@pytest.mark.parametrize("trusted", ["", PROXY])
def test_nobody_else_is(tell: Any, trusted: str) -> None:
    assert tell(STRANGER, trusted_proxy=trusted) == (STRANGER, "http://localhost/")
