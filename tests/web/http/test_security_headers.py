"""Every response has security headers."""

from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from chromi import create_app
from chromi.config import Settings

HSTS = "Strict-Transport-Security"


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/", "/health/", "/static/css/app.css", "/nowhere"])
def test_every_response_has_security_headers(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("path", ["/", "/health/", "/static/css/app.css", "/nowhere", "/download/nonsense/"])
def test_hsts_is_sent_over_https_only(client: FlaskClient, path: str) -> None:
    assert client.get(path, base_url="https://localhost").headers[HSTS] == "max-age=31536000"
    assert HSTS not in client.get(path).headers
    forged = {"X-Forwarded-Proto": "https", "Forwarded": "proto=https"}
    assert HSTS not in client.get(path, headers=forged).headers


def test_hsts_is_sent_if_the_trusted_proxy_reports_https(settings: Settings) -> None:
    client = create_app(replace(settings, trusted_proxy="10.0.0.2")).test_client()
    base = {"REMOTE_ADDR": "10.0.0.2"}
    assert HSTS in client.get("/", headers={"X-Forwarded-Proto": "https"}, environ_base=base).headers
    assert HSTS not in client.get("/", headers={"X-Forwarded-Proto": "http"}, environ_base=base).headers
