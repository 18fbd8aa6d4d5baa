"""A link's correct password gives access for a limited time, and attempts are limited."""

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.security import generate_password_hash
from werkzeug.test import TestResponse

from chromi.db import Job, Link, RateLimitUsage
from chromi.tokens import GRANT_MAX_AGE_S
from chromi.web.auth import link_passwords
from chromi.web.auth.link_passwords import ATTEMPTS
from tests.support.http_forms import PAGE
from tests.support.waiting import wait_for

pytestmark = pytest.mark.slow

PASSWORD = "olé, four words"
MAX_ATTEMPTS = int(ATTEMPTS.amount)

Unlock = Callable[..., TestResponse]


@pytest.fixture
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passwords with a hundredth of the work. Each check of one would take 80 ms."""
    cheap = partial(generate_password_hash, method="scrypt:256:8:1")
    monkeypatch.setattr(link_passwords, "generate_password_hash", cheap)


@pytest.fixture
def url(client: FlaskClient, job: Job, cheap_hashes: None) -> str:
    """The URL of a link with a password and two uses."""
    response = client.post(f"/jobs/{job.id}/links/", data={"password": PASSWORD, "max_uses": "2"})
    url: str = response.get_json()["url"]
    return url.removeprefix("http://localhost")


@pytest.fixture
def unlock(client: FlaskClient, url: str) -> Unlock:
    """A function that posts a password to the link."""

    def post(password: str = PASSWORD, **headers: str) -> TestResponse:
        return client.post(url, data={"password": password}, headers=headers)

    return post


def protected_link() -> Any:
    return Link.get(Link.password_hash.is_null(False))


def test_only_a_hash_of_the_password_is_stored(client: FlaskClient, job: Job, storage: Any) -> None:
    assert client.post(f"/jobs/{job.id}/links/", data={"password": PASSWORD}).status_code == 201
    assert protected_link().password_hash.startswith("scrypt:32768:8:1$"), "which takes 32 MB to guess"
    for path in storage.results.parent.parent.glob("chromi.db*"):
        assert PASSWORD.encode() not in path.read_bytes()


# -- programs ------------------------------------------------------------------------------------------------


def test_program_without_password_gets_401(client: FlaskClient, url: str) -> None:
    for each_url in (url, f"{url}?file=1", f"{url}still.jpg"):
        response = client.get(each_url)
        assert response.status_code == 401
        assert response.get_json()["error"]["code"] == "password_needed"
        assert response.headers["WWW-Authenticate"]
    assert client.head(url).status_code == 401
    assert client.post(url).get_json()["error"]["code"] == "password_needed"
    assert RateLimitUsage.select().count() == 0


def test_program_that_posts_the_password_gets_the_file(unlock: Unlock, gif: bytes) -> None:
    response = unlock()
    assert (response.status_code, response.content_type) == (200, "image/gif")
    assert response.data == gif
    assert response.headers["Content-Disposition"] == "attachment; filename=chromi_background.gif"
    assert response.headers["Cache-Control"] == "no-store"
    wait_for(lambda: protected_link().uses == 1, "the use to be counted")


def test_interrupted_download_resumes_with_the_cookie(client: FlaskClient, url: str, gif: bytes) -> None:
    interrupted = client.post(url, data={"password": PASSWORD}, buffered=False)
    start = next(interrupted.iter_encoded())
    interrupted.close()
    wait_for(lambda: protected_link().active_downloads == 0, "the interrupted download to end")
    rest = client.get(url, headers={"Range": f"bytes={len(start)}-"})
    assert rest.status_code == 206
    assert start + rest.data == gif
    wait_for(lambda: protected_link().uses == 1, "the resumed download to be counted")


def test_password_is_compared_after_unicode_normalization(unlock: Unlock) -> None:
    assert unlock("ole\N{COMBINING ACUTE ACCENT}, four words").status_code == 200


@pytest.mark.parametrize("wrong", ["", " ", PASSWORD.upper(), PASSWORD + " ", "x" * 100_000, "\x00"])
def test_wrong_password_gives_no_access(client: FlaskClient, url: str, unlock: Unlock, wrong: str) -> None:
    response = unlock(wrong)
    assert response.status_code == 403
    assert response.get_json()["error"]["code"] == "wrong_password"
    assert "Set-Cookie" not in response.headers
    assert client.get(url).status_code == 401
    assert (protected_link().uses, RateLimitUsage.select().count()) == (0, 1)


def test_password_is_ignored_by_a_link_without_one(client: FlaskClient, job: Job, gif: bytes) -> None:
    url = client.post(f"/jobs/{job.id}/links/").get_json()["url"]
    response = client.post(url, data={"password": "anything"})
    assert response.data == gif
    assert "Set-Cookie" not in response.headers


# -- browsers ------------------------------------------------------------------------------------------------


def test_browser_gets_password_form_without_preview_or_download(client: FlaskClient, url: str) -> None:
    for each_url in (url, f"{url}?file=1"):
        page = client.get(each_url, headers=PAGE)
        assert page.status_code == 200
        assert "Password for this link" in page.text
        assert "still.jpg" not in page.text
        assert "Download" not in page.text.replace("downloads", "")
        assert page.headers["Referrer-Policy"] == "same-origin", "or the form would have no Origin"


def test_link_preview_of_protected_link_has_no_image(client: FlaskClient, url: str) -> None:
    page = client.get(url, headers={"User-Agent": "Slackbot-LinkExpanding 1.0", "Accept": "*/*"})
    assert page.status_code == 200
    assert "og:title" in page.text
    assert "og:image" not in page.text


def test_correct_password_gives_access_to_preview_and_file(
    client: FlaskClient, url: str, unlock: Unlock, gif: bytes
) -> None:
    response = unlock(**PAGE)
    assert (response.status_code, response.location) == (303, url)
    page = client.get(url, headers=PAGE)
    assert 'name="download"' in page.text
    assert "og:image" not in page.text
    assert client.get(f"{url}still.jpg").content_type == "image/jpeg"
    assert protected_link().uses == 0
    assert client.post(url, data={"download": "1"}, headers=PAGE, follow_redirects=True).data == gif


def test_page_of_unlimited_link_contains_a_plain_link_to_the_file(
    client: FlaskClient, job: Job, gif: bytes
) -> None:
    link = client.post(f"/jobs/{job.id}/links/", data={"password": PASSWORD}).get_json()
    url = link["url"].removeprefix("http://localhost")
    client.post(url, data={"password": PASSWORD}, headers=PAGE)
    page = client.get(url, headers=PAGE)
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert f'href="{url}?file=1"' in page.text
    assert client.get(f"{url}?file=1", headers=PAGE).data == gif


def test_download_parameter_does_not_replace_the_password(client: FlaskClient, url: str) -> None:
    assert client.get(f"{url}?download=1").status_code == 401
    page = client.get(f"{url}?download=1", headers=PAGE)
    assert (page.status_code, page.content_type) == (200, "text/html; charset=utf-8")


def test_button_without_grant_asks_for_the_password(client: FlaskClient, url: str) -> None:
    page = client.post(url, data={"download": "1"}, headers=PAGE)
    assert page.status_code == 401
    assert "Please enter the password again" in page.text
    assert "Send it with POST" not in page.text
    assert "Set-Cookie" not in page.headers


def test_button_does_not_renew_the_grant(client: FlaskClient, url: str, unlock: Unlock) -> None:
    unlock(**PAGE)
    response = client.post(url, data={"download": "1"}, headers=PAGE)
    assert response.status_code == 303
    assert "Set-Cookie" not in response.headers


def test_grant_cookie_is_valid_for_one_link_only(
    client: FlaskClient, job: Job, url: str, unlock: Unlock
) -> None:
    cookie = unlock(**PAGE).headers["Set-Cookie"]
    assert f"; Path={url.rstrip('/')}" in cookie
    assert f"; Max-Age={GRANT_MAX_AGE_S}" in cookie
    assert "; HttpOnly" in cookie
    assert "; SameSite=Strict" in cookie
    other = client.post(f"/jobs/{job.id}/links/", data={"password": PASSWORD}).get_json()["url"]
    stolen = {"Cookie": cookie.split(";")[0]}
    assert client.get(other, headers=stolen).status_code == 401


def test_grant_cookie_is_secure_over_https(client: FlaskClient, url: str) -> None:
    response = client.post(url, data={"password": PASSWORD}, headers=PAGE, base_url="https://localhost")
    assert "; Secure" in response.headers["Set-Cookie"]


def test_expired_grant_asks_for_the_password(
    client: FlaskClient, url: str, unlock: Unlock, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlock(**PAGE)
    later = time.time() + GRANT_MAX_AGE_S + 5
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: later)
    Link.update(expires_at=later + 1000).execute()
    assert client.get(f"{url}still.jpg").status_code == 401
    page = client.get(f"{url}?file=1", headers=PAGE)
    assert page.status_code == 200
    assert "Please enter the password again" in page.text
    assert "Password for this link" in page.text


def test_wrong_password_shows_error_in_the_form(unlock: Unlock) -> None:
    page = unlock("wrong", **PAGE)
    assert page.status_code == 403
    assert "Wrong password" in page.text
    assert "Password for this link" in page.text
    assert page.headers["Referrer-Policy"] == "same-origin"


# -- guessing ------------------------------------------------------------------------------------------------


def test_correct_password_is_rejected_after_too_many_attempts(
    client: FlaskClient, unlock: Unlock, app: Flask
) -> None:
    assert [unlock("guess").status_code for _ in range(MAX_ATTEMPTS)] == [403] * MAX_ATTEMPTS
    response = unlock()
    assert response.status_code == 429
    assert response.get_json()["error"]["code"] == "too_many_tries"
    assert 50 < int(response.headers["Retry-After"]) <= 60
    page = unlock(**PAGE)
    assert page.status_code == 429
    assert "try again in 1 min" in page.text
    RateLimitUsage.update(free_at=RateLimitUsage.free_at - 61).execute()
    assert unlock().status_code == 200


def test_correct_password_resets_the_attempts(unlock: Unlock) -> None:
    for _ in range(MAX_ATTEMPTS - 1):
        unlock("guess")
    assert unlock().status_code == 200
    assert [unlock("guess").status_code for _ in range(MAX_ATTEMPTS)] == [403] * MAX_ATTEMPTS


def test_attempts_are_counted_per_link(client: FlaskClient, job: Job, unlock: Unlock) -> None:
    for _ in range(MAX_ATTEMPTS):
        unlock("guess")
    other = client.post(f"/jobs/{job.id}/links/", data={"password": PASSWORD}).get_json()["url"]
    assert client.post(other, data={"password": PASSWORD}).status_code == 200


def test_passwords_are_not_logged(unlock: Unlock, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        unlock()
        unlock("another guess")
    assert "four words" not in caplog.text
    assert "another guess" not in caplog.text


def test_clock_set_back_changes_neither_attempts_nor_lock_time(
    client: FlaskClient, url: str, unlock: Unlock, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant = unlock().headers["Set-Cookie"].partition(";")[0]
    assert [unlock("guess").status_code for _ in range(MAX_ATTEMPTS)] == [403] * MAX_ATTEMPTS
    earlier = time.time() - 3600
    monkeypatch.setattr(time, "time", lambda: earlier)
    rejected = unlock()
    assert rejected.status_code == 429
    assert int(rejected.headers["Retry-After"]) <= 60
    assert client.head(url, headers={"Cookie": grant}).status_code == 200
