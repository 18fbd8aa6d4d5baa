"""Parse and validate the settings, which are `CHROMI_*` variables.

An unknown setting or an out-of-range value prevents startup with a message that lists what is allowed. A typo
in a deployment must never silently select the default.
"""

from __future__ import annotations

import os
import re
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
from chromi.client_networks import parse_address
from chromi.environment import FILE_SUFFIX, PREFIX, read_aws_variables, read_environ, read_secret_files
from chromi.errors import ConfigError
from chromi.server_urls import SERVER_URLS, check_server_urls

VERSION = "1.0.0"
MB = 1_000_000
QUEUES = ("convert", "studio")
"""Conversions, and the clip analyses of the studio."""

_URL_PREFIX = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)*")

SECRETS = ("secret_key", "old_secret_keys", "admin_token", "api_tokens", "webhook_secret", *SERVER_URLS)
"""Settings that may also be in a file, which a variable with the suffix _FILE names."""

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
    """Comma-separated keys, or one per line, that still verify tokens but no longer sign them."""
    max_upload_mb: int = 100
    """Largest accepted video in MB of 1,000,000 bytes, 1 to 2000; enforced by the web server."""
    workers: int = 1
    """Number of parallel conversions, 1 to 16; each needs about 240 MB of memory."""
    max_queue: int = 50
    """Jobs that may wait for a worker, 1 to 1000.

    At the limit, only clients without a waiting job may add one.
    """
    database_url: str = field(default="", repr=False)
    """PostgreSQL database to use instead of SQLite, such as `postgresql://user:password@host/name`."""
    storage_url: str = field(default="", repr=False)
    """S3 bucket for the files, such as `s3://bucket/prefix?region=eu-central-1`."""
    queue_url: str = field(default="", repr=False)
    """Redis or PostgreSQL server for the queue. By default, the queue is in the database."""
    queues: tuple[str, ...] = QUEUES
    """Comma-separated queues whose jobs this machine's workers run: `convert` and `studio`."""
    scheduler: bool | None = None
    """Start the cleanup every minute on this machine. By default, machines that serve `convert` do."""
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
    url_prefix: str = ""
    """Path under which a proxy serves Chromi, for example `/chromi`. Empty for the root of a host."""
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
    """Comma-separated tokens, or one per line. The limits of a client that sends one count per token."""
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
        check_server_urls(
            database_url=self.database_url,
            queue_url=self.queue_url,
            storage_url=self.storage_url,
            secret_key=self.secret_key,
        )
        if not self.queues or set(self.queues) - set(QUEUES):
            given = ", ".join(self.queues) or "nothing"
            raise ConfigError(f"CHROMI_QUEUES must name some of {', '.join(QUEUES)}, not {given}.")
        if not self.host:
            raise ConfigError("CHROMI_HOST must not be empty.")
        if not _URL_PREFIX.fullmatch(self.url_prefix):
            raise ConfigError(
                f"CHROMI_URL_PREFIX must be empty or a path like /chromi, without a slash at its end, "
                f"not {self.url_prefix!r}."
            )
        if self.trusted_proxy not in ("", "*") and parse_address(self.trusted_proxy) is None:
            raise ConfigError(
                f"CHROMI_TRUSTED_PROXY must be empty, the IP address of one proxy, or *, "
                f"not {self.trusted_proxy!r}."
            )
        check_cors_origins(self.cors_origins)
        self._check_keys()

    def _check_keys(self) -> None:
        for key in (self.secret_key, *self.old_secret_keys):
            if key and len(key) < MIN_KEY_LENGTH:
                raise ConfigError(f"A secret key must have at least {MIN_KEY_LENGTH} characters.")
        if self.admin_token and len(self.admin_token) < MIN_KEY_LENGTH:
            raise ConfigError(f"CHROMI_ADMIN_TOKEN must have at least {MIN_KEY_LENGTH} characters.")
        check_api_tokens(self.api_tokens)
        check_webhook_secret(self.webhook_secret)
        if self.webhook_secret and self.inline:
            raise ConfigError("CHROMI_WEBHOOK_SECRET needs a worker, so CHROMI_INLINE must be false.")

    @property
    def max_upload_bytes(self) -> int:
        return self.max_upload_mb * MB

    @property
    def runs_scheduler(self) -> bool:
        return "convert" in self.queues if self.scheduler is None else self.scheduler

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings from the environment and the `.env` file.

        S3's credentials in the file become variables of this process, where obstore finds them. Raises
        ConfigError for an unknown or unreadable variable.
        """
        os.environ.update(read_aws_variables(environ))
        allowed = {_variable(setting.name): setting.name for setting in fields(cls)}
        texts = read_secret_files(read_environ(environ), (_variable(name) for name in SECRETS))
        if unknown := sorted(texts.keys() - allowed.keys()):
            names = sorted([*allowed, *(_variable(name) + FILE_SUFFIX for name in SECRETS)])
            raise ConfigError(f"Unknown setting {', '.join(unknown)}. Allowed: {', '.join(names)}.")
        return cls(**{allowed[name]: _parse(cls, allowed[name], text) for name, text in texts.items()})


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
    return tuple(part.strip() for part in re.split(r"[,\n]", text) if part.strip())


_PARSERS: dict[Any, Callable[[str], Any]] = {
    str: str,
    int: int,
    bool: _parse_bool,
    bool | None: _parse_bool,
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
        shown = "" if name in SECRETS else f", not {text!r}"
        raise ConfigError(f"{_variable(name)} {allowed}{shown}.") from error
