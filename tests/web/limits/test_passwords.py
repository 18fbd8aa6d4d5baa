"""Links with a password: who knows it gets in, who guesses does not."""

import logging
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chromi.db import Job, Link, RateLimitUsage
from chromi.tokens import GRANT_MAX_AGE_S
from chromi.web.limits.passwords import ATTEMPTS
from tests.support.http_forms import PAGE
from tests.support.waiting import wait_for

PASSWORD = "olé, four words"
MAX_TRIES = int(ATTEMPTS.amount)

Unlock = Callable[..., TestResponse]


@pytest.fixture
def url(client: FlaskClient, job: Job) -> str:
    """The address of a link with a password."""
    answer = client.post(f"/jobs/{job.id}/links/", data={"password": PASSWORD, "max_uses": "2"})
    url: str = answer.get_json()["url"]
    return url.removeprefix("http://localhost")


@pytest.fixture
def unlock(client: FlaskClient, url: str) -> Unlock:
    def post(password: str = PASSWORD, **headers: str) -> TestResponse:
        return client.post(url, data={"password": password}, headers=headers)

    return post


def protected() -> Any:
    return Link.get(Link.password_hash.is_null(False))


def test_only_a_hash_is_kept(url: str, storage: Any) -> None:
    assert protected().password_hash.startswith("scrypt:")
    for path in storage.results.parent.parent.glob("chromi.db*"):
        assert PASSWORD.encode() not in path.read_bytes()


# -- programs ----------------------------------------------------------------------------------------------


def test_a_program_without_the_password_is_told_what_is_missing(client: FlaskClient, url: str) -> None:
    for address in (url, f"{url}?file=1", f"{url}still.jpg"):
        answer = client.get(address)
        assert answer.status_code == 401
        assert answer.get_json()["error"]["code"] == "password_needed"
        assert answer.headers["WWW-Authenticate"]
    assert client.head(url).status_code == 401
    assert client.post(url).get_json()["error"]["code"] == "password_needed"
    assert RateLimitUsage.select().count() == 0


def test_a_program_posts_the_password_and_gets_the_file(unlock: Unlock, gif: bytes) -> None:
    answer = unlock()
    assert (answer.status_code, answer.content_type) == (200, "image/gif")
    assert answer.data == gif
    assert answer.headers["Content-Disposition"] == "attachment; filename=chromi_background.gif"
    assert answer.headers["Cache-Control"] == "no-store"
    wait_for(lambda: protected().uses == 1, "the use to be counted")


def test_a_cut_download_goes_on_with_the_cookie(client: FlaskClient, url: str, gif: bytes) -> None:
    cut = client.post(url, data={"password": PASSWORD}, buffered=False)
    start = next(cut.iter_encoded())
    cut.close()
    wait_for(lambda: protected().active_downloads == 0, "the cut download to end")
    rest = client.get(url, headers={"Range": f"bytes={len(start)}-"})
    assert rest.status_code == 206
    assert start + rest.data == gif
    wait_for(lambda: protected().uses == 1, "the resumed download to be counted")


def test_the_password_counts_as_it_is_typed_on_any_keyboard(unlock: Unlock) -> None:
    assert unlock("ole\N{COMBINING ACUTE ACCENT}, four words").status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize("wrong", ["", " ", PASSWORD.upper(), PASSWORD + " ", "x" * 100_000, "\x00"])
def test_a_wrong_password_opens_nothing(client: FlaskClient, url: str, unlock: Unlock, wrong: str) -> None:
    answer = unlock(wrong)
    assert answer.status_code == 403
    assert answer.get_json()["error"]["code"] == "wrong_password"
    assert "Set-Cookie" not in answer.headers
    assert client.get(url).status_code == 401
    assert (protected().uses, RateLimitUsage.select().count()) == (0, 1)


def test_a_password_is_ignored_where_none_is_asked_for(client: FlaskClient, job: Job, gif: bytes) -> None:
    url = client.post(f"/jobs/{job.id}/links/").get_json()["url"]
    answer = client.post(url, data={"password": "whatever"})
    assert answer.data == gif
    assert "Set-Cookie" not in answer.headers


# -- people ------------------------------------------------------------------------------------------------


def test_a_person_is_asked_for_the_password_and_sees_nothing_yet(client: FlaskClient, url: str) -> None:
    for address in (url, f"{url}?file=1"):
        page = client.get(address, headers=PAGE)
        assert page.status_code == 200
        assert "Password for this link" in page.text
        assert "still.jpg" not in page.text
        assert "Download" not in page.text.replace("downloads", "")
        assert page.headers["Referrer-Policy"] == "same-origin", "else the form would come from nowhere"


def test_a_preview_of_a_protected_link_shows_no_picture(client: FlaskClient, url: str) -> None:
    page = client.get(url, headers={"User-Agent": "Slackbot-LinkExpanding 1.0", "Accept": "*/*"})
    assert page.status_code == 200
    assert "og:title" in page.text
    assert "og:image" not in page.text


def test_the_right_password_leads_to_the_preview_and_the_file(
    client: FlaskClient, url: str, unlock: Unlock, gif: bytes
) -> None:
    answer = unlock(**PAGE)
    assert (answer.status_code, answer.location) == (303, url)
    page = client.get(url, headers=PAGE)
    assert 'name="download"' in page.text
    assert "og:image" not in page.text
    assert client.get(f"{url}still.jpg").content_type == "image/jpeg"
    assert protected().uses == 0
    assert client.post(url, data={"download": "1"}, headers=PAGE, follow_redirects=True).data == gif


def test_the_file_of_a_link_without_a_limit_lies_behind_a_plain_link(
    client: FlaskClient, job: Job, gif: bytes
) -> None:
    made = client.post(f"/jobs/{job.id}/links/", data={"password": PASSWORD}).get_json()["url"]
    url = made.removeprefix("http://localhost")
    client.post(url, data={"password": PASSWORD}, headers=PAGE)
    page = client.get(url, headers=PAGE)
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert f'href="{url}?file=1"' in page.text
    assert client.get(f"{url}?file=1", headers=PAGE).data == gif


def test_an_explicit_download_does_not_replace_the_password(client: FlaskClient, url: str) -> None:
    assert client.get(f"{url}?download=1").status_code == 401
    page = client.get(f"{url}?download=1", headers=PAGE)
    assert (page.status_code, page.content_type) == (200, "text/html; charset=utf-8")


def test_the_button_asks_for_the_password_again_after_a_while(client: FlaskClient, url: str) -> None:
    page = client.post(url, data={"download": "1"}, headers=PAGE)
    assert page.status_code == 401
    assert "It has been a while" in page.text
    assert "Send it by POST" not in page.text
    assert "Set-Cookie" not in page.headers


def test_the_button_does_not_prolong_the_grant(client: FlaskClient, url: str, unlock: Unlock) -> None:
    unlock(**PAGE)
    answer = client.post(url, data={"download": "1"}, headers=PAGE)
    assert answer.status_code == 303
    assert "Set-Cookie" not in answer.headers


def test_the_grant_is_a_cookie_for_this_address_alone(
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


def test_over_https_the_cookie_stays_there(client: FlaskClient, url: str) -> None:
    answer = client.post(url, data={"password": PASSWORD}, headers=PAGE, base_url="https://localhost")
    assert "; Secure" in answer.headers["Set-Cookie"]


def test_a_grant_that_ran_out_asks_again(
    client: FlaskClient, url: str, unlock: Unlock, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlock(**PAGE)
    later = time.time() + GRANT_MAX_AGE_S + 5
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: later)
    Link.update(expires_at=later + 1000).execute()
    assert client.get(f"{url}still.jpg").status_code == 401
    page = client.get(f"{url}?file=1", headers=PAGE)
    assert page.status_code == 200
    assert "It has been a while" in page.text
    assert "Password for this link" in page.text


def test_a_wrong_password_is_said_in_the_form(unlock: Unlock) -> None:
    page = unlock("wrong", **PAGE)
    assert page.status_code == 403
    assert "not the password of this link" in page.text
    assert "Password for this link" in page.text
    assert page.headers["Referrer-Policy"] == "same-origin"


# -- guessing ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_guessing_ends_after_a_few_tries_even_with_the_right_one(
    client: FlaskClient, unlock: Unlock, app: Flask
) -> None:
    assert [unlock("guess").status_code for _ in range(MAX_TRIES)] == [403] * MAX_TRIES
    answer = unlock()
    assert answer.status_code == 429
    assert answer.get_json()["error"]["code"] == "too_many_tries"
    assert 50 < int(answer.headers["Retry-After"]) <= 60
    page = unlock(**PAGE)
    assert page.status_code == 429
    assert "try again in 1 min" in page.text
    RateLimitUsage.update(free_at=RateLimitUsage.free_at - 61).execute()
    assert unlock().status_code == 200


@pytest.mark.slow
def test_the_right_password_gives_the_tries_back(unlock: Unlock) -> None:
    for _ in range(MAX_TRIES - 1):
        unlock("guess")
    assert unlock().status_code == 200
    assert [unlock("guess").status_code for _ in range(MAX_TRIES)] == [403] * MAX_TRIES


@pytest.mark.slow
def test_other_links_are_not_held_up(client: FlaskClient, job: Job, unlock: Unlock) -> None:
    for _ in range(MAX_TRIES):
        unlock("guess")
    other = client.post(f"/jobs/{job.id}/links/", data={"password": PASSWORD}).get_json()["url"]
    assert client.post(other, data={"password": PASSWORD}).status_code == 200


def test_no_log_knows_a_password(unlock: Unlock, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        unlock()
        unlock("another guess")
    assert "four words" not in caplog.text
    assert "another guess" not in caplog.text


@pytest.mark.slow
def test_a_clock_set_back_neither_gives_more_tries_nor_locks_for_longer(
    client: FlaskClient, url: str, unlock: Unlock, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant = unlock().headers["Set-Cookie"].partition(";")[0]
    assert [unlock("guess").status_code for _ in range(MAX_TRIES)] == [403] * MAX_TRIES
    earlier = time.time() - 3600
    monkeypatch.setattr(time, "time", lambda: earlier)
    refused = unlock()
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) <= 60
    assert client.head(url, headers={"Cookie": grant}).status_code == 200
