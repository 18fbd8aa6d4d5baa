"""The keys that sign the download tokens."""

from __future__ import annotations

import secrets
from pathlib import Path

from chromi.api_settings import MIN_KEY_LENGTH
from chromi.atomic_files import create_once
from chromi.config import Settings
from chromi.errors import ConfigError


def load_signing_keys(settings: Settings) -> list[str]:
    """Return the keys that verify tokens, oldest first. The last key signs. Raises ConfigError."""
    return [*settings.old_secret_keys, settings.secret_key or _load_instance_key(settings.instance)]


def _load_instance_key(instance: Path) -> str:
    """Read the key in the instance folder, or create it if there is none."""
    path = instance / "secret_key"
    key = create_once(path, secrets.token_urlsafe(48))
    if len(key) < MIN_KEY_LENGTH:
        raise ConfigError(
            f"{path} does not contain a key. Delete it to create a new one; existing links will stop working."
        )
    return key
