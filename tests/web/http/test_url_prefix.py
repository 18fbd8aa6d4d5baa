"""CHROMI_URL_PREFIX: the service works under a sub-path, whether or not the proxy removes it."""

from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from chromi.config import Settings
from chromi.errors import ConfigError
from chromi.web.http.request_errors import WrongApiToken
from chromi.web.http.url_prefix import remove_prefix
from chromi.web.limits.upload_guard import RequestKind, UploadGuard
from tests.web.limits.test_upload_guard import Request


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, url_prefix="/tools/chromi", api_tokens=("a-token-of-thirty-two-characters",))


@pytest.mark.parametrize("path", ["/", "/tools/chromi/", "/tools/chromi"])
def test_pages_link_to_prefix(client: FlaskClient, path: str) -> None:
    response = client.get(path, headers={"Accept": "text/html"})
    assert response.status_code == 200
    assert 'action="/tools/chromi/uploads/"' in response.text


def test_error_page_repeats_full_path(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chromi.web.views.uploads.render_template", lambda *args, **kwargs: 1 / 0)
    response = client.get("/tools/chromi/?loop=crossfade&darken=20", headers={"Accept": "text/html"})
    assert response.status_code == 500
    assert 'href="/tools/chromi/?loop=crossfade&amp;darken=20">Try again' in response.text


def test_similar_path_is_not_ours() -> None:
    assert remove_prefix("/chromium/", "/chromi") == "/chromium/"
    assert remove_prefix("/uploads/", "") == "/uploads/"


@pytest.mark.parametrize("base", ["", "/", "/tools/chromi", "//tools/chromi", "/tools/chromi/"])
def test_upload_guard_recognizes_requests(app: Flask, settings: Settings, base: str) -> None:
    guard = UploadGuard(settings, app.extensions["chromi"].admission)
    upload = Request("POST", f"{base}/uploads/", 1000)
    guard.check_headers(upload, "8.8.8.8")
    assert guard.kind_of(upload) is RequestKind.UPLOAD
    assert guard.kind_of(Request("PATCH", f"{base}/uploads/resumable/x")) is RequestKind.UPLOAD
    assert guard.kind_of(Request("POST", f"{base}/download/x/")) is RequestKind.EXPENSIVE
    with pytest.raises(WrongApiToken):
        guard.check_headers(
            Request("POST", f"{base}/convert/", headers={"AUTHORIZATION": "Bearer x"}), "8.8.8.8"
        )


@pytest.mark.parametrize(
    "prefix", ["chromi", "/chromi/", "/", "//chromi", "/..", "/a b", "/a/../b", "https://a"]
)
def test_invalid_prefix_is_rejected(prefix: str) -> None:
    with pytest.raises(ConfigError, match="CHROMI_URL_PREFIX must be empty or a path like /chromi"):
        Settings(url_prefix=prefix)
