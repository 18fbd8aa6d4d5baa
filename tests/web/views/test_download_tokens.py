"""Every invalid token gets the same response; a new signing key does not end existing links."""

import re
import time
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from werkzeug.test import TestResponse

from chromi import create_app
from chromi.config import Settings
from chromi.db import Job, Link
from chromi.signing_keys import load_signing_keys
from chromi.storage import new_id
from chromi.tokens import LINK_CODE_LENGTH, TokenSigner
from tests.support.flask_client import BufferedClient
from tests.support.http_forms import PAGE

pytestmark = pytest.mark.slow

BASE64_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def test_tampered_token_is_not_found(client: FlaskClient, own_url: str) -> None:
    token = own_url.split("/")[2]
    for tampered in ("*" + token[1:], token[:-6], token + token):
        response = client.get(f"/download/{tampered}/")
        assert response.status_code == 404
    assert "This link doesn’t work" in client.get("/download/nonsense/", headers=PAGE).text


def test_token_of_another_service_is_not_found(client: FlaskClient, job: Job) -> None:
    link = Link.get()
    token = TokenSigner(["another key, long enough"]).sign_link(link.code)
    assert client.get(f"/download/{token}/").status_code == 404


def list_invalid_tokens(link: Link, key: str) -> list[str]:
    """Return tokens that resemble the link's token; each is invalid for a different reason."""
    valid = TokenSigner([key]).sign_link(link.code)
    code, signature = valid[:LINK_CODE_LENGTH], valid[LINK_CODE_LENGTH:]
    flipped = "A" if signature[0] != "A" else "B"
    return [
        TokenSigner(["a key of another service"]).sign_link(link.code),
        str(URLSafeTimedSerializer(key, salt="chromi.grant").dumps(link.id)),
        code,
        link.id,
        f"{code}{'A' * len(signature)}",
        f"{code}{signature[::-1]}",
        f"{code}{flipped}{signature[1:]}",
        f"{code[::-1]}{signature}",
        valid[:-1],
        f"{valid}A",
        f"{valid}=",
        f"{valid[:-1]}é",
        "=" * 40,
        "x" * 5000,
        "%00",
        valid + "A" * 1_000_000,
        "." * 1_000_000,
    ]


def comparable(response: TestResponse) -> tuple[int, bytes, str]:
    headers = sorted(pair for pair in response.headers if pair[0] not in ("Date", "X-Request-Id"))
    return response.status_code, response.data, str(headers)


def test_every_invalid_token_gets_the_same_response(
    client: FlaskClient, job: Job, settings: Settings
) -> None:
    """It does not reveal whether the link ever existed, has expired, or what is wrong with the token."""
    [key] = load_signing_keys(settings)
    expired = Link.create(job=job, expires_at=time.time() - 1)
    never_created = Link(job=job, id=new_id(), created_at=time.time())
    responses = {
        comparable(client.get(f"/download/{token}/"))
        for link in (Link.get(~Link.shared), expired, never_created)
        for token in list_invalid_tokens(link, key)
    }
    assert len(responses) == 1
    assert responses.pop()[0] == 404


def test_no_other_spelling_of_a_token_is_accepted(client: FlaskClient, own_url: str) -> None:
    token = own_url.split("/")[2]
    statuses = [client.head(f"/download/{token[:-1]}{letter}/").status_code for letter in BASE64_LETTERS]
    assert (statuses.count(200), statuses.count(404)) == (1, 63)


def test_token_is_twelve_characters(own_url: str) -> None:
    assert re.fullmatch(r"/download/[\w-]{12}/", own_url)


def client_with(settings: Settings) -> FlaskClient:
    app = create_app(settings)
    app.test_client_class = BufferedClient
    return app.test_client()


def test_links_work_after_a_key_change_until_the_old_key_is_removed(
    settings: Settings, job: Job, own_url: str, gif: bytes
) -> None:
    [old_key] = load_signing_keys(settings)
    new_key = "a new key, long enough"
    client = client_with(replace(settings, secret_key=new_key, old_secret_keys=(old_key,)))
    assert client.get(own_url).data == gif
    new_url = client.get(f"/jobs/{job.id}/").get_json()["converted_url"]
    assert new_url != own_url
    client = client_with(replace(settings, secret_key=new_key))
    assert client.get(new_url).data == gif
    response = client.get(own_url)
    assert (response.status_code, response.get_json()["error"]["code"]) == (404, "not_found")
    page = client.get(own_url, headers=PAGE)
    assert page.status_code == 404
    assert "its background has been deleted" in page.text
