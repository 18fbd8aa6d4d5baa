"""Every secret is compared in constant time, by `hmac.compare_digest`.

Timing measurements cannot prove this, because comparing one more byte takes only nanoseconds. The tests
therefore record what is passed to `compare_digest`.
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
from chromi.tokens import LINK_SIGNATURE_LENGTH, TokenSigner
from chromi.web.auth.link_passwords import hash_password
from tests.support.http_forms import PAGE

ADMIN_TOKEN = "an admin token for tests"

Comparisons = list[tuple[bytes, bytes]]


@pytest.fixture
def comparisons(monkeypatch: pytest.MonkeyPatch) -> Comparisons:
    """The pairs that were passed to `compare_digest`."""
    pairs: Comparisons = []
    compare_digest = hmac.compare_digest

    def record_and_compare(first: str | bytes, second: str | bytes) -> bool:
        pairs.append((_to_bytes(first), _to_bytes(second)))
        return compare_digest(first, second)  # type: ignore[arg-type]

    monkeypatch.setattr(hmac, "compare_digest", record_and_compare)
    return pairs


def _to_bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


def change_middle(text: str) -> str:
    """Return the text with a different character in the middle."""
    middle = len(text) // 2
    return f"{text[:middle]}{'B' if text[middle] == 'A' else 'A'}{text[middle + 1 :]}"


def change_signature(token: str) -> str:
    """Return the token with one changed character in its signature."""
    head, signature = token[:-LINK_SIGNATURE_LENGTH], token[-LINK_SIGNATURE_LENGTH:]
    return f"{head}{change_middle(signature)}"


def are_almost_equal(comparisons: Comparisons) -> list[bool]:
    """Return for each pair whether it has equal lengths and differs in one or two bytes.

    The six bits of one character of a token may be spread over two bytes.
    """
    return [
        len(first) == len(second) and 0 < sum(map(int.__ne__, first, second)) <= 2
        for first, second in comparisons
    ]


def test_download_signature_is_compared_in_constant_time(
    app: Flask, client: FlaskClient, comparisons: Comparisons
) -> None:
    token = app.extensions["chromi"].signer.sign_link("abcde")
    assert client.get(f"/download/{change_signature(token)}/").status_code == 404
    assert are_almost_equal(comparisons) == [True]


def test_grants_and_admin_sessions_are_compared_in_constant_time(comparisons: Comparisons) -> None:
    signer = TokenSigner(["k" * 32])
    for signed, verify in (
        (signer.sign_grant("id"), signer.verify_grant),
        (signer.sign_admin_session("id"), signer.verify_admin_session),
    ):
        assert not verify(change_signature(signed), "id")
    assert are_almost_equal(comparisons) == [True, True]


def test_each_signing_key_is_compared_in_constant_time(comparisons: Comparisons) -> None:
    old, both = TokenSigner(["o" * 32]), TokenSigner(["o" * 32, "k" * 32])
    assert both.verify_grant(old.sign_grant("id"), "id")
    assert len(comparisons) == 2


@pytest.fixture
def admin_client(settings: Settings) -> Iterator[FlaskClient]:
    """A client of a service with an admin token; it is not logged in."""
    app: Flask = create_app(Settings(instance=settings.instance, inline=True, admin_token=ADMIN_TOKEN))
    yield app.test_client()
    app.extensions["chromi"].background.shutdown()
    database.close()


@pytest.mark.slow
@pytest.mark.parametrize("guess", [change_middle(ADMIN_TOKEN), ADMIN_TOKEN[:-1], f"{ADMIN_TOKEN}x", "x"])
def test_admin_token_is_compared_in_constant_time(
    admin_client: FlaskClient, comparisons: Comparisons, guess: str
) -> None:
    for response in (
        admin_client.post("/admin/login", data={"token": guess}, headers=PAGE),
        admin_client.get("/admin/", headers={"Authorization": f"Bearer {guess}"}),
    ):
        assert response.status_code == 403
    assert comparisons == [(guess.encode(), ADMIN_TOKEN.encode())] * 2


@pytest.mark.slow
def test_password_hash_is_compared_in_constant_time(
    app: Flask, client: FlaskClient, comparisons: Comparisons
) -> None:
    password_hash, in_one_hour = hash_password("sesame"), time.time() + 3600
    job = Job.create(options_json={}, state=State.SUCCESS)
    link = Link.create(job=job, expires_at=in_one_hour, password_hash=password_hash)
    token = app.extensions["chromi"].signer.sign_link(link.code)
    assert client.post(f"/download/{token}/", data={"password": "sesamf"}).status_code == 403
    expected = password_hash.rpartition("$")[2].encode()
    assert [len(first) for first, second in comparisons if second == expected] == [len(expected)]
