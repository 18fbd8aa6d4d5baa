"""The keys that sign the download tokens."""

from __future__ import annotations

import secrets
from pathlib import Path

from chromi.api_settings import MIN_KEY_LENGTH
from chromi.atomic_files import atomic_publish
from chromi.config import Settings
from chromi.errors import ConfigError


def load_signing_keys(settings: Settings) -> list[str]:
    """Return the keys that verify tokens, oldest first. The last key signs. Raises ConfigError."""
    return [*settings.old_secret_keys, settings.secret_key or _load_instance_key(settings.instance)]


def _load_instance_key(instance: Path) -> str:
    """Read the key in the instance folder, or create it (mode 600) if there is none.

    The web server and the worker may do this at the same time. Both use the key of the
    process that publishes its file first.
    """
    path = instance / "secret_key"
    if not path.exists():
        instance.mkdir(parents=True, exist_ok=True)
        draft = instance / f"secret_key.{secrets.token_hex(4)}"
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(48))
        try:
            atomic_publish(draft, path, overwrite=False)
        except FileExistsError:
            pass
        finally:
            draft.unlink(missing_ok=True)
    key = path.read_text().strip()
    if len(key) < MIN_KEY_LENGTH:
        raise ConfigError(
            f"{path} does not contain a key. Delete it to create a new one; existing links will stop working."
        )
    return key
