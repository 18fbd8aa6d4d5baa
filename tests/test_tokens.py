"""Tokens verify, expire and cannot be forged."""

import time

import pytest
from itsdangerous import TimestampSigner, URLSafeTimedSerializer

from chromi.errors import Gone, NotFound
from chromi.tokens import DOWNLOAD_SALT, GRANT_MAX_AGE_S, GRANT_SALT, MAX_AGE_S, TokenSigner

KEY, OTHER_KEY = "k" * 32, "x" * 32
NOW = time.time()


def test_download_token_contains_link_id() -> None:
    signer = TokenSigner([KEY])
    assert signer.verify_download(signer.sign_download("abc", NOW)) == "abc"


def test_link_always_has_the_same_token() -> None:
    assert TokenSigner([KEY]).sign_download("abc", NOW) == TokenSigner([KEY]).sign_download("abc", NOW)


def test_padded_token_is_the_same_link() -> None:
    """Tokens are malleable, so a link must not be identified by its token's text."""
    signer = TokenSigner([KEY])
    assert signer.verify_download(signer.sign_download("abc", NOW) + "=") == "abc"


def test_old_token_raises_gone() -> None:
    signer = TokenSigner([KEY])
    with pytest.raises(Gone):
        signer.verify_download(signer.sign_download("abc", NOW - MAX_AGE_S - 10))


def test_token_signed_with_another_key_raises_not_found() -> None:
    with pytest.raises(NotFound):
        TokenSigner([KEY]).verify_download(TokenSigner([OTHER_KEY]).sign_download("abc", NOW))


def test_token_signed_with_another_salt_raises_not_found() -> None:
    token = URLSafeTimedSerializer(KEY, salt=DOWNLOAD_SALT + ".other").dumps("abc")
    with pytest.raises(NotFound):
        TokenSigner([KEY]).verify_download(str(token))


def test_changed_token_raises_not_found() -> None:
    token = TokenSigner([KEY]).sign_download("abc", NOW)
    for changed in (token[1:], token[::-1], "A" + token[1:], token.replace(".", "", 1)):
        with pytest.raises(NotFound):
            TokenSigner([KEY]).verify_download(changed)


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "é.ü.ß", "\x00", "x" * 1_000_000])
def test_malformed_token_raises_not_found(text: str) -> None:
    with pytest.raises(NotFound):
        TokenSigner([KEY]).verify_download(text)


def test_old_key_verifies_until_it_is_removed() -> None:
    token = TokenSigner([OTHER_KEY]).sign_download("abc", NOW)
    assert TokenSigner([OTHER_KEY, KEY]).verify_download(token) == "abc"
    with pytest.raises(NotFound):
        TokenSigner([KEY]).verify_download(token)


def test_grant_is_valid_for_its_link_only() -> None:
    signer = TokenSigner([KEY])
    assert signer.verify_grant(signer.sign_grant("abc"), "abc")
    assert not signer.verify_grant(signer.sign_grant("abc"), "abd")
    assert not TokenSigner([OTHER_KEY]).verify_grant(signer.sign_grant("abc"), "abc")


def test_grant_expires() -> None:
    class EarlierSigner(TimestampSigner):
        def get_timestamp(self) -> int:
            return int(NOW) - GRANT_MAX_AGE_S - 10

    old = URLSafeTimedSerializer(KEY, salt=GRANT_SALT, signer=EarlierSigner).dumps("abc")
    assert not TokenSigner([KEY]).verify_grant(str(old), "abc")


def test_token_and_grant_are_not_interchangeable() -> None:
    signer = TokenSigner([KEY])
    assert not signer.verify_grant(signer.sign_download("abc", NOW), "abc")
    with pytest.raises(NotFound):
        signer.verify_download(signer.sign_grant("abc"))


@pytest.mark.parametrize("text", ["", ".", "a.b.c", "é.ü.ß", "\x00", "x" * 1_000_000])
def test_malformed_grant_is_rejected(text: str) -> None:
    assert not TokenSigner([KEY]).verify_grant(text, "abc")
