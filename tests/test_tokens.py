"""Tokens verify, expire and cannot be forged."""

import hashlib
import re
import time

import pytest
from itsdangerous import Signer, TimestampSigner, URLSafeTimedSerializer

from chromi.errors import NotFound
from chromi.tokens import GRANT_MAX_AGE_S, GRANT_SALT, LINK_SALT, TokenSigner

KEY, OTHER_KEY = "k" * 32, "x" * 32
NOW = time.time()


def test_link_token_is_short_and_contains_code() -> None:
    signer = TokenSigner([KEY])
    token = signer.sign_link("Ab-_9")
    assert re.fullmatch(r"Ab-_9[\w-]{7}", token)
    assert signer.verify_link(token) == "Ab-_9"
    assert TokenSigner([KEY]).sign_link("Ab-_9") == token, "a link's URL never changes"


def test_token_signed_with_another_key_raises_not_found() -> None:
    with pytest.raises(NotFound):
        TokenSigner([KEY]).verify_link(TokenSigner([OTHER_KEY]).sign_link("abcde"))


def test_token_signed_with_another_salt_raises_not_found() -> None:
    signature = Signer(KEY, salt=LINK_SALT + ".other", digest_method=hashlib.sha256).get_signature("abcde")
    with pytest.raises(NotFound):
        TokenSigner([KEY]).verify_link("abcde" + signature.decode()[:7])


def test_changed_token_raises_not_found() -> None:
    signer = TokenSigner([KEY])
    token = signer.sign_link("abcde")
    for position in range(len(token)):
        for replacement in ("", "A", "AA", "="):
            changed = token[:position] + replacement + token[position + 1 :]
            if changed != token:
                with pytest.raises(NotFound):
                    signer.verify_link(changed)
    for changed in (token[::-1], f"{token}=", f"{token}A", f" {token}"):
        with pytest.raises(NotFound):
            signer.verify_link(changed)


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a.b.c", "é.ü.ß", "\x00", "abcde", "x" * 1_000_000, "é" * 12]
)
def test_malformed_token_raises_not_found(text: str) -> None:
    with pytest.raises(NotFound):
        TokenSigner([KEY]).verify_link(text)


def test_old_key_verifies_until_it_is_removed() -> None:
    token = TokenSigner([OTHER_KEY]).sign_link("abcde")
    assert TokenSigner([OTHER_KEY, KEY]).verify_link(token) == "abcde"
    with pytest.raises(NotFound):
        TokenSigner([KEY]).verify_link(token)


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
    assert not signer.verify_grant(signer.sign_link("abcde"), "abc")
    with pytest.raises(NotFound):
        signer.verify_link(signer.sign_grant("abc"))


@pytest.mark.parametrize("text", ["", ".", "a.b.c", "é.ü.ß", "\x00", "x" * 1_000_000])
def test_malformed_grant_is_rejected(text: str) -> None:
    assert not TokenSigner([KEY]).verify_grant(text, "abc")
