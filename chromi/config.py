"""Read the settings from the `CHROMI_*` environment variables.

An unknown setting or an out-of-range value prevents startup with a message that lists what is allowed. A typo
in a deployment must never silently select the default.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, get_type_hints

from chromi.api_settings import (
    MIN_KEY_LENGTH,
    check_api_tokens,
    check_cors_origins,
    check_webhook_secret,
)
from chromi.atomic_files import atomic_publish
from chromi.errors import ConfigError

VERSION = "0.1.0"
PREFIX = "CHROMI_"
MB = 1_000_000

_SERVICE_LINK_NAME = re.compile(
    PREFIX + r"(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
_SERVICE_LINK_URL = re.compile(r"(tcp|udp|sctp)://.+")

_RANGES = {
    "port": (0, 65535),
    "max_upload_mb": (1, 2000),
    "workers": (1, 16),
    "max_queue": (1, 1000),
    "upload_ttl_s": (60, 7 * 86400),
    "link_ttl_s": (60, 7 * 86400),
    "trusted_proxy_count": (1, 8),
    "max_uploads": (3, 1000),
    "uploads_per_hour": (1, 100_000),
    "jobs_per_hour": (1, 100_000),
    "upload_mb_per_hour": (1, 10_000_000),
}
"""The lowest and highest value of each numeric setting."""


@dataclass(frozen=True)
class Settings:
    """The settings. Each field is the `CHROMI_` variable of the same name in lowercase."""

    host: str = "127.0.0.1"
    """Address that the web server listens on."""
    port: int = 8000
    """TCP port of the web server, 0 to 65535; 0 selects any free port."""
    instance: Path = Path("instance")
    """Folder for the databases, media files and secret key."""
    secret_key: str = field(default="", repr=False)
    """Signs the download tokens. If empty, a key is generated and stored in the instance folder."""
    old_secret_keys: tuple[str, ...] = field(default=(), repr=False)
    """Comma-separated keys that still verify tokens but no longer sign them."""
    max_upload_mb: int = 100
    """Largest accepted video in MB of 1,000,000 bytes, 1 to 2000; enforced by the web server."""
    workers: int = 1
    """Number of parallel conversions, 1 to 16; each needs about 200 MB of memory."""
    max_queue: int = 50
    """Jobs that may wait for a worker, 1 to 1000.

    At the limit, only clients without a waiting job may add one.
    """
    inline: bool = False
    """Convert within the request instead of in the queue.

    This is for small scripts, not for a public service.
    """
    upload_ttl_s: int = 3600
    """Seconds an upload is kept after its last use, 60 to 604800; enforced by the cleanup."""
    link_ttl_s: int = 86400
    """Seconds that a result and its first link are kept, 60 to 604800.

    A share link may have a different lifetime.
    """
    trusted_proxy: str = ""
    """Address of the proxy whose X-Forwarded headers are trusted, or `*`. Works under every WSGI server."""
    trusted_proxy_count: int = 1
    """Number of addresses that trusted proxies add to X-Forwarded-For, 1 to 8; the first is the client's."""
    trusted_hosts: tuple[str, ...] = ()
    """Comma-separated hostnames of the service. `.example.org` includes subdomains. Empty allows any."""
    max_uploads: int = 40
    """Uploads in progress, 3 to 1000. One address may use a third of these and a third of the queue. At the
    limit, only clients with no upload in progress may start one."""
    uploads_per_hour: int = 200
    """Uploads that one internet address may start per hour, 1 to 100000."""
    jobs_per_hour: int = 1200
    """Jobs of all kinds that one address may start per hour, 1 to 100000.

    A typical visit starts about ten.
    """
    upload_mb_per_hour: int = 5000
    """Megabytes that one address may upload per hour, at least `max_upload_mb` and at most 10000000."""
    metrics: bool = False
    """Serve /metrics for Prometheus to everyone."""
    admin_token: str = field(default="", repr=False)
    """Grants access to /admin/, which shows and changes the queue. If empty, the page does not exist."""
    require_sandbox: bool = False
    """Refuse to start or convert if the kernel lacks Landlock or seccomp, which confine ffmpeg."""
    tracemalloc: bool = False
    """After each step of a job, log where its worker's memory has grown. This slows jobs down."""
    api_tokens: tuple[str, ...] = field(default=(), repr=False)
    """Comma-separated tokens. The limits of a client that sends one count per token, not per address."""
    cors_origins: tuple[str, ...] = ()
    """Comma-separated origins whose scripts may call the API from a browser, or `*` for all."""
    webhook_secret: str = field(default="", repr=False)
    """Signs webhooks: `whsec_` and 24 to 64 bytes in base64. If empty, there are no webhooks."""

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            if not low <= getattr(self, name) <= high:
                raise ConfigError(f"{_variable(name)} {_range_text(name)}, not {getattr(self, name)}.")
        if self.upload_mb_per_hour < self.max_upload_mb:
            raise ConfigError(
                f"CHROMI_UPLOAD_MB_PER_HOUR must be at least CHROMI_MAX_UPLOAD_MB ({self.max_upload_mb}), "
                f"not {self.upload_mb_per_hour}."
            )
        if not self.host:
            raise ConfigError("CHROMI_HOST must not be empty.")
        for key in (self.secret_key, *self.old_secret_keys):
            if key and len(key) < MIN_KEY_LENGTH:
                raise ConfigError(f"A secret key must have at least {MIN_KEY_LENGTH} characters.")
        if self.admin_token and len(self.admin_token) < MIN_KEY_LENGTH:
            raise ConfigError(f"CHROMI_ADMIN_TOKEN must have at least {MIN_KEY_LENGTH} characters.")
        check_api_tokens(self.api_tokens)
        check_cors_origins(self.cors_origins)
        check_webhook_secret(self.webhook_secret)
        if self.webhook_secret and self.inline:
            raise ConfigError("CHROMI_WEBHOOK_SECRET needs a worker, so CHROMI_INLINE must be false.")

    @property
    def max_upload_bytes(self) -> int:
        return self.max_upload_mb * MB

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings. Raises ConfigError for an unknown or unreadable variable."""
        given = {
            name: text
            for name, text in environ.items()
            if name.startswith(PREFIX) and not _is_service_link(name, text)
        }
        allowed = {_variable(setting.name): setting.name for setting in fields(cls)}
        if unknown := sorted(given.keys() - allowed.keys()):
            raise ConfigError(f"Unknown setting {', '.join(unknown)}. Allowed: {', '.join(sorted(allowed))}.")
        return cls(**{allowed[name]: _parse(cls, allowed[name], text) for name, text in given.items()})


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


def _is_service_link(name: str, text: str) -> bool:
    """True for the variables that Kubernetes adds to each pod for a service named `chromi` or `chromi-...`.

    https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
    """
    is_port_url = name.endswith("_PORT") and _SERVICE_LINK_URL.fullmatch(text)
    return bool(is_port_url or _SERVICE_LINK_NAME.fullmatch(name))


def _variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + name.upper()


def _range_text(name: str) -> str:
    """Return what a numeric setting allows, as the predicate of an error message."""
    low, high = _RANGES[name]
    return f"must be a whole number from {low} to {high}"


def _parse_bool(text: str) -> bool:
    try:
        return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[text.lower()]
    except KeyError:
        raise ValueError("must be true or false") from None


def _parse_path(text: str) -> Path:
    if not text:
        raise ValueError("must name a folder")
    return Path(text).resolve()


def _parse_list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


_PARSERS: dict[Any, Callable[[str], Any]] = {
    str: str,
    int: int,
    bool: _parse_bool,
    Path: _parse_path,
    tuple[str, ...]: _parse_list,
}


def _parse(cls: type[Settings], name: str, text: str) -> Any:
    """Convert a variable's text to its field's type. The error never repeats a secret."""
    field_type = get_type_hints(cls)[name]
    try:
        return _PARSERS[field_type](text.strip())
    except ValueError as error:
        allowed = _range_text(name) if field_type is int else str(error)
        shown = "" if "secret" in name or "token" in name else f", not {text!r}"
        raise ConfigError(f"{_variable(name)} {allowed}{shown}.") from error
