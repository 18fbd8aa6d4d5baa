"""Sign and verify the tokens that gate the downloads.

A token carries a link's id, and the moment it was signed is the link's own creation: the same link always
has the same address. Whether the link still works is its row's word; the signature's age is only the outer
limit. Tokens are malleable (base64 padding and spare bits), so nothing may be counted by a token's text.
"""

from __future__ import annotations

import hashlib
import time
from typing import Any

from itsdangerous import BadSignature, Signer, TimestampSigner, URLSafeTimedSerializer

from chromi.errors import Gone, NotFound

SALT = "chromi.download"
GRANT_SALT = "chromi.grant"
CLIENT_SALT = "chromi.client"
GRANT_MAX_AGE_S = 15 * 60
"""So long after the right password its receiver may look and download without it."""
"""A browser begins its download within this time after its user pressed the button."""
ADMIN_SALT = "chromi.admin"
ADMIN_SESSION_MAX_AGE_S = 12 * 3600
"""So long a browser that has shown the host's token is let in without it."""
MAX_AGE_S = 30 * 86400
"""No token verifies longer than this after its link was made, whatever its row says."""
MAX_TOKEN_LENGTH = 256
"""Ours have about 90 characters; longer ones are not worth the work of a check."""


class TokenSigner:
    """Makes and reads tokens with the given keys; the last one signs, all of them verify."""

    def __init__(self, keys: list[str]) -> None:
        self._keys = keys

    def sign_download(self, link_id: str, created_at: float) -> str:
        """Make the token of a link that was created at this time (seconds since 1970)."""

        class CreationSigner(TimestampSigner):
            def get_timestamp(self) -> int:
                return int(created_at)

        return str(URLSafeTimedSerializer(self._keys, salt=SALT, signer=CreationSigner).dumps(link_id))

    def verify_download(self, token: str) -> str:
        """Give the link's id; raises NotFound for a token that is not ours and Gone for one too old."""
        if len(token) > MAX_TOKEN_LENGTH:
            raise NotFound
        try:
            link_id, age_s = self._load(token, SALT)
        except BadSignature as error:
            raise NotFound from error
        if age_s > MAX_AGE_S:
            raise Gone
        return str(link_id)

    def pseudonym(self, address: str) -> str:
        """Name a visitor's address so that equal ones are seen to be equal and none can be told."""
        signer = Signer(self._keys[-1], salt=CLIENT_SALT, digest_method=hashlib.sha256)
        return signer.get_signature(address).decode()

    def sign_grant(self, link_id: str) -> str:
        """Make what whoever knew this link's password shows instead of it for a while."""
        return self._sign(link_id, GRANT_SALT)

    def verify_grant(self, grant: str, link_id: str) -> bool:
        """True for a grant that is ours, for this very link, and not too old."""
        return self._verify(grant, link_id, GRANT_SALT, GRANT_MAX_AGE_S)

    def sign_admin_session(self, fingerprint: str) -> str:
        """Make what a browser shows that has shown the host's token, which has this fingerprint."""
        return self._sign(fingerprint, ADMIN_SALT)

    def verify_admin_session(self, pass_: str, fingerprint: str) -> bool:
        """True for a pass that is ours, for the token of this fingerprint, and not too old."""
        return self._verify(pass_, fingerprint, ADMIN_SALT, ADMIN_SESSION_MAX_AGE_S)

    def _sign(self, meaning: str, salt: str) -> str:
        return str(URLSafeTimedSerializer(self._keys, salt=salt).dumps(meaning))

    def _verify(self, signed: str, meaning: str, salt: str, max_age_s: int) -> bool:
        if len(signed) > MAX_TOKEN_LENGTH:
            return False
        try:
            found, age_s = self._load(signed, salt)
        except BadSignature:
            return False
        return bool(found == meaning) and age_s <= max_age_s

    def _load(self, text: str, salt: str) -> tuple[Any, float]:
        """Give what was signed, and its age in seconds; raises BadSignature.

        Asked for an age, itsdangerous itself refuses what was signed in the future. A clock that was set back
        would end every link that was made since then, so here those count as new: nobody else can sign.
        """
        signed, signed_at = URLSafeTimedSerializer(self._keys, salt=salt).loads(text, return_timestamp=True)
        return signed, time.time() - signed_at.timestamp()
