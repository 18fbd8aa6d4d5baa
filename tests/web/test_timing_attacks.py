"""No answer's time tells how much of a guessed secret is right: all are compared by `hmac.compare_digest`.

A clock cannot prove it, as one wrong byte more or less takes nanoseconds. So what is compared is watched.
"""

import hmac
import time
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from chromi import create_app
from chromi.config import Settings
from chromi.db import Job, Link, State, database
from chromi.tokens import TokenSigner
from chromi.web.limits.passwords import hash_password
from tests.support.http_forms import PAGE

ADMIN_TOKEN = "a token of the host's own"

Compared = list[tuple[bytes, bytes]]


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> Compared:
    """What has been compared without telling how alike it is, as pairs."""
    pairs: Compared = []
    compare = hmac.compare_digest

    def watch(first: str | bytes, second: str | bytes) -> bool:
        pairs.append((_bytes(first), _bytes(second)))
        return compare(first, second)  # type: ignore[type-var]

    monkeypatch.setattr(hmac, "compare_digest", watch)
    return pairs


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


def nearly(text: str) -> str:
    """The same but for its middle character."""
    middle = len(text) // 2
    return f"{text[:middle]}{'B' if text[middle] == 'A' else 'A'}{text[middle + 1 :]}"


def nearly_signed(token: str) -> str:
    """The same token with a signature of which one character is another."""
    head, signature = token.rsplit(".", 1)
    return f"{head}.{nearly(signature)}"


def almost_equal(compared: Compared) -> list[bool]:
    """Of each pair whether all of a guess was compared with what it nearly is.

    The bits of one character of a token lie in two bytes.
    """
    return [
        len(first) == len(second) and 0 < sum(map(int.__ne__, first, second)) <= 2
        for first, second in compared
    ]


def test_the_signature_of_a_download_is_compared_in_constant_time(
    app: Flask, client: FlaskClient, compared: Compared
) -> None:
    token = app.extensions["chromi"].signer.sign_download("0" * 32, time.time())
    assert client.get(f"/download/{nearly_signed(token)}/").status_code == 404
    assert almost_equal(compared) == [True]


def test_a_grant_and_a_pass_are_compared_in_constant_time(compared: Compared) -> None:
    signer = TokenSigner(["k" * 32])
    for signed, verify in (
        (signer.sign_grant("id"), signer.verify_grant),
        (signer.sign_admin_session("id"), signer.verify_admin_session),
    ):
        assert not verify(nearly_signed(signed), "id")
    assert almost_equal(compared) == [True, True]


def test_every_key_is_tried_in_constant_time(compared: Compared) -> None:
    old, both = TokenSigner(["o" * 32]), TokenSigner(["o" * 32, "k" * 32])
    assert both.verify_grant(old.sign_grant("id"), "id")
    assert len(compared) == 2


@pytest.fixture
def door(settings: Settings) -> Iterator[FlaskClient]:
    """A client of a service whose host has a token."""
    app: Flask = create_app(Settings(instance=settings.instance, inline=True, admin_token=ADMIN_TOKEN))
    yield app.test_client()
    app.extensions["chromi"].background.shutdown()
    database.close()


@pytest.mark.parametrize("guess", [nearly(ADMIN_TOKEN), ADMIN_TOKEN[:-1], f"{ADMIN_TOKEN}x", "x"])
def test_the_host_s_token_is_compared_in_constant_time(
    door: FlaskClient, compared: Compared, guess: str
) -> None:
    for answer in (
        door.post("/admin/login", data={"token": guess}, headers=PAGE),
        door.get("/admin/", headers={"Authorization": f"Bearer {guess}"}),
    ):
        assert answer.status_code == 403
    assert compared == [(guess.encode(), ADMIN_TOKEN.encode())] * 2


def test_a_password_s_hash_is_compared_in_constant_time(
    app: Flask, client: FlaskClient, compared: Compared
) -> None:
    hashed, in_an_hour = hash_password("sesame"), time.time() + 3600
    job = Job.create(options_json={}, state=State.SUCCESS)
    link = Link.create(job=job, expires_at=in_an_hour, password_hash=hashed)
    token = app.extensions["chromi"].signer.sign_download(link.id, link.created_at)
    assert client.post(f"/download/{token}/", data={"password": "sesamf"}).status_code == 403
    right = hashed.rpartition("$")[2].encode()
    assert [len(first) for first, second in compared if second == right] == [len(right)]
