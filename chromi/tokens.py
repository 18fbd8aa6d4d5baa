"""Sign and verify tokens for download links, entered passwords and admin sessions.

A download token contains the link's id, and its timestamp is the link's creation time, so a link's URL never
changes. The link's row decides whether it still works; the age of the signature is only an upper limit.
Tokens are malleable (base64 padding and spare bits), so never use a token's text as a key for counting.
"""

from __future__ import annotations

import hashlib
import time
from typing import Any

from itsdangerous import BadSignature, Signer, TimestampSigner, URLSafeTimedSerializer

from chromi.errors import Gone, NotFound

DOWNLOAD_SALT = "chromi.download"
GRANT_SALT = "chromi.grant"
CLIENT_SALT = "chromi.client"
ADMIN_SALT = "chromi.admin"
GRANT_MAX_AGE_S = 15 * 60
"""How long an entered link password is remembered."""
ADMIN_SESSION_MAX_AGE_S = 12 * 3600
"""How long a browser that has sent the admin token stays logged in."""
MAX_AGE_S = 30 * 86400
"""No download token is valid for longer than this after its link was created, regardless of the row."""
MAX_TOKEN_LENGTH = 256
"""Tokens have about 90 characters. Longer strings are rejected without verification."""


class TokenSigner:
    """Signs tokens with the last of the given keys and verifies them with all keys."""

    def __init__(self, keys: list[str]) -> None:
        self._keys = keys

    def sign_download(self, link_id: str, created_at: float) -> str:
        """Return the token for a link created at this time (seconds since 1970)."""

        class CreationSigner(TimestampSigner):
            def get_timestamp(self) -> int:
                return int(created_at)

        return str(
            URLSafeTimedSerializer(self._keys, salt=DOWNLOAD_SALT, signer=CreationSigner).dumps(link_id)
        )

    def verify_download(self, token: str) -> str:
        """Return the link's id. Raises NotFound for an invalid token and Gone for one that is too old."""
        if len(token) > MAX_TOKEN_LENGTH:
            raise NotFound
        try:
            link_id, age_s = self._load(token, DOWNLOAD_SALT)
        except BadSignature as error:
            raise NotFound from error
        if age_s > MAX_AGE_S:
            raise Gone
        return str(link_id)

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

        With max_age, itsdangerous itself rejects signatures from the future. If the clock were set back, that
        would end every link created since then. Such signatures therefore count as new here, because nobody
        else can sign.
        """
        signed, signed_at = URLSafeTimedSerializer(self._keys, salt=salt).loads(text, return_timestamp=True)
        return signed, time.time() - signed_at.timestamp()
