"""Sign and verify tokens for links, entered passwords and admin sessions.

A link's token is its code followed by the beginning of the code's signature. It has 12 characters, so that
its URL can be read aloud and its QR code is coarse. The link's row decides whether it still works. The
signature tells a link that has been deleted from one that never existed, and it makes guessing hopeless: with
a million links, one guess in 2**52 is right (the code has 30 bits, of which 20 are in use, and the signature
42). At 10,000 guesses per second, finding one link takes 7,000 years on average.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Any

from itsdangerous import BadSignature, Signer, URLSafeTimedSerializer

from chromi.errors import LinkNotFound

LINK_SALT = "chromi.link"
GRANT_SALT = "chromi.grant"
CLIENT_SALT = "chromi.client"
ADMIN_SALT = "chromi.admin"
GRANT_MAX_AGE_S = 15 * 60
"""How long an entered link password is remembered."""
ADMIN_SESSION_MAX_AGE_S = 12 * 3600
"""How long a browser that has sent the admin token stays logged in."""
LINK_CODE_LENGTH, LINK_SIGNATURE_LENGTH = 5, 7
"""In characters of base64url, which have 6 bits each."""
MAX_TOKEN_LENGTH = 256
"""Grants and sessions have about 90 characters. Longer strings are rejected without verification."""


class TokenSigner:
    """Signs tokens with the last of the given keys and verifies them with all keys."""

    def __init__(self, keys: list[str]) -> None:
        self._keys = keys

    def sign_link(self, code: str) -> str:
        """Return the token of the link with this code. It never changes while the last key stays the same."""
        return code + _link_signature(self._keys[-1], code)

    def verify_link(self, token: str) -> str:
        """Return the code of the link with this token. Raises LinkNotFound for an invalid token."""
        code, signature = token[:LINK_CODE_LENGTH], token[LINK_CODE_LENGTH:]
        for key in self._keys:
            if hmac.compare_digest(_link_signature(key, code).encode(), signature.encode(errors="replace")):
                return code
        raise LinkNotFound

    def pseudonym(self, address: str) -> str:
        """Return a stable name for an address that does not reveal the address."""
        signer = Signer(self._keys[-1], salt=CLIENT_SALT, digest_method=hashlib.sha256)
        return signer.get_signature(address).decode()

    def sign_grant(self, link_id: str) -> str:
        """Return a token that replaces this link's password for GRANT_MAX_AGE_S."""
        return self._sign(link_id, GRANT_SALT)

    def verify_grant(self, grant: str, link_id: str) -> bool:
        """True if the grant is valid for this link and not too old."""
        return self._verify(grant, link_id, GRANT_SALT, GRANT_MAX_AGE_S)

    def sign_admin_session(self, fingerprint: str) -> str:
        """Return a session token for the admin token with this fingerprint."""
        return self._sign(fingerprint, ADMIN_SALT)

    def verify_admin_session(self, session: str, fingerprint: str) -> bool:
        """True if the session is valid for the admin token with this fingerprint and not too old."""
        return self._verify(session, fingerprint, ADMIN_SALT, ADMIN_SESSION_MAX_AGE_S)

    def _sign(self, value: str, salt: str) -> str:
        return str(URLSafeTimedSerializer(self._keys, salt=salt).dumps(value))

    def _verify(self, signed: str, value: str, salt: str, max_age_s: int) -> bool:
        if len(signed) > MAX_TOKEN_LENGTH:
            return False
        try:
            found, age_s = self._load(signed, salt)
        except BadSignature:
            return False
        return bool(found == value) and age_s <= max_age_s

    def _load(self, text: str, salt: str) -> tuple[Any, float]:
        """Return the signed value and its age in seconds. Raises BadSignature.

        With max_age, itsdangerous itself rejects signatures from the future, so setting the clock back would
        end every session and every entered password. They count as new here, because nobody else can sign.
        """
        signed, signed_at = URLSafeTimedSerializer(self._keys, salt=salt).loads(text, return_timestamp=True)
        return signed, time.time() - signed_at.timestamp()


def _link_signature(key: str, code: str) -> str:
    signer = Signer(key, salt=LINK_SALT, digest_method=hashlib.sha256)
    return signer.get_signature(code).decode()[:LINK_SIGNATURE_LENGTH]
