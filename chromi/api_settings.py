"""Check the settings for programs: tokens, origins and the secret of webhooks."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable

from chromi.errors import ConfigError

MIN_KEY_LENGTH = 16

_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d+)?")
_WEBHOOK_SECRET_BYTES = range(24, 65)
"""What the Standard Webhooks specification allows."""


def check_api_tokens(tokens: Iterable[str]) -> None:
    """Raise ConfigError for a token that is too short or cannot be sent in a header."""
    if any(len(token) < MIN_KEY_LENGTH or not token.isascii() for token in tokens):
        raise ConfigError(
            f"Each token in CHROMI_API_TOKENS must have at least {MIN_KEY_LENGTH} characters, all ASCII."
        )


def check_cors_origins(origins: Iterable[str]) -> None:
    """Raise ConfigError for text that is not an origin."""
    for origin in origins:
        if origin != "*" and not _ORIGIN.fullmatch(origin):
            raise ConfigError(
                "CHROMI_CORS_ORIGINS must list origins such as https://app.example.org, or be *, "
                f"not {origin!r}."
            )


def check_webhook_secret(secret: str) -> None:
    """Raise ConfigError unless the secret is empty or has the format of the specification."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        key = b""
    if secret and len(key) not in _WEBHOOK_SECRET_BYTES:
        raise ConfigError(
            "CHROMI_WEBHOOK_SECRET must be whsec_ and 24 to 64 bytes in base64, "
            'for example from: echo "whsec_$(openssl rand -base64 32)".'
        )
