"""Settings, read from the `CHROMI_*` environment variables.

An unknown setting or a value out of range stops the start with a message that names what is allowed: a typo
in a deployment must never silently mean the default.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, get_type_hints

from chromi.atomic_files import atomic_publish
from chromi.errors import ConfigError

VERSION = "0.1.0"
PREFIX = "CHROMI_"
MB = 1_000_000
MIN_KEY_LENGTH = 16

_SERVICE_LINK_NAME = re.compile(
    PREFIX + r"(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
_SERVICE_LINK_URL = re.compile(r"(tcp|udp|sctp)://.+")


@dataclass(frozen=True)
class Settings:
    """The settings; each field is one `CHROMI_` variable in lower case."""

    host: str = "127.0.0.1"
    """Address the web server listens on."""
    port: int = 8000
    """TCP port of the web server, 0 to 65535; 0 means any free port."""
    instance: Path = Path("instance")
    """Folder for the databases, the media files and the secret key."""
    secret_key: str = field(default="", repr=False)
    """Signs the download tokens; if empty, a key is generated and kept in the instance folder."""
    old_secret_keys: tuple[str, ...] = field(default=(), repr=False)
    """Keys that still verify tokens but no longer sign them, separated by commas."""
    max_upload_mb: int = 100
    """Largest video accepted, in MB of 1,000,000 bytes, 1 to 2000; the web server enforces it."""
    workers: int = 1
    """Conversions in parallel, 1 to 16; each needs about 200 MB of memory."""
    max_queue: int = 50
    """Jobs that may wait for a worker, 1 to 1000; then only clients without a waiting job may add one."""
    inline: bool = False
    """Convert inside the request instead of in the queue: for small scripts, not for a public service."""
    upload_ttl_s: int = 3600
    """Seconds an upload is kept after its last use, 60 to 604800; the cleanup enforces it."""
    link_ttl_s: int = 86400
    """Seconds a result and its own link live, 60 to 604800; a share link may live longer or shorter."""
    trusted_proxy: str = ""
    """Address of the proxy whose X-Forwarded headers are trusted, or `*`; under every WSGI server."""
    trusted_proxy_count: int = 1
    """Addresses that trusted proxies add to X-Forwarded-For, 1 to 8; the first of them is the client's."""
    trusted_hosts: tuple[str, ...] = ()
    """Host names of the service, separated by commas; `.example.org` includes subdomains. Empty: any."""
    max_uploads: int = 40
    """Uploads in progress, 3 to 1000; one address may have a third of them, and a third of the queue.
    Beyond that, only clients with no upload in progress may begin one."""
    uploads_per_hour: int = 200
    """Uploads that one internet address may begin per hour, 1 to 100000."""
    jobs_per_hour: int = 1200
    """Jobs of all kinds that one address may start per hour, 1 to 100000; a visit takes about ten."""
    upload_mb_per_hour: int = 5000
    """Megabytes one address may upload per hour, at least `max_upload_mb` and at most 10000000."""
    metrics: bool = False
    """Serve /metrics for Prometheus, to everyone."""
    admin_token: str = field(default="", repr=False)
    """Opens /admin/, which shows and changes the queue; if empty, there is no such page."""
    require_sandbox: bool = False
    """Refuse to start and to convert if the kernel lacks Landlock or seccomp, which confine ffmpeg."""
    tracemalloc: bool = False
    """Log after each step of a job where its worker's memory has grown; jobs become slower."""

    def __post_init__(self) -> None:
        _require_range("port", self.port, 0, 65535)
        _require_range("max_upload_mb", self.max_upload_mb, 1, 2000)
        _require_range("workers", self.workers, 1, 16)
        _require_range("max_queue", self.max_queue, 1, 1000)
        _require_range("upload_ttl_s", self.upload_ttl_s, 60, 7 * 86400)
        _require_range("link_ttl_s", self.link_ttl_s, 60, 7 * 86400)
        _require_range("trusted_proxy_count", self.trusted_proxy_count, 1, 8)
        _require_range("max_uploads", self.max_uploads, 3, 1000)
        _require_range("uploads_per_hour", self.uploads_per_hour, 1, 100_000)
        _require_range("jobs_per_hour", self.jobs_per_hour, 1, 100_000)
        _require_range("upload_mb_per_hour", self.upload_mb_per_hour, self.max_upload_mb, 10_000_000)
        if not self.host:
            raise ConfigError("CHROMI_HOST must not be empty.")
        for key in (self.secret_key, *self.old_secret_keys):
            if key and len(key) < MIN_KEY_LENGTH:
                raise ConfigError(f"A secret key must have at least {MIN_KEY_LENGTH} characters.")
        if self.admin_token and len(self.admin_token) < MIN_KEY_LENGTH:
            raise ConfigError(f"CHROMI_ADMIN_TOKEN must have at least {MIN_KEY_LENGTH} characters.")

    @property
    def max_upload_bytes(self) -> int:
        return self.max_upload_mb * MB

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings; raises ConfigError for an unknown or unreadable variable."""
        given = {
            name: text
            for name, text in environ.items()
            if name.startswith(PREFIX) and not _is_service_link(name, text)
        }
        allowed = {PREFIX + setting.name.upper(): setting.name for setting in fields(cls)}
        if unknown := sorted(given.keys() - allowed.keys()):
            raise ConfigError(f"Unknown setting {', '.join(unknown)}. Allowed: {', '.join(sorted(allowed))}.")
        return cls(**{allowed[name]: _parse(cls, allowed[name], text) for name, text in given.items()})


def load_signing_keys(settings: Settings) -> list[str]:
    """Return the keys that verify tokens, the oldest first; the last one signs. Raises ConfigError."""
    return [*settings.old_secret_keys, settings.secret_key or _load_instance_key(settings.instance)]


def _load_instance_key(instance: Path) -> str:
    """Read the key in the instance folder, and create it (mode 600) if there is none.

    The web server and the worker may do so at the same moment. The first one to publish its file wins, and
    the other one reads that complete key.
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
            f"{path} does not contain a key. Delete it to create a new one; existing links then stop working."
        )
    return key


def _is_service_link(name: str, text: str) -> bool:
    """True for the variables that Kubernetes adds to each pod for a service named `chromi` or `chromi-...`.

    https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
    """
    is_port_url = name.endswith("_PORT") and _SERVICE_LINK_URL.fullmatch(text)
    return bool(is_port_url or _SERVICE_LINK_NAME.fullmatch(name))


def _require_range(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ConfigError(f"{PREFIX}{name.upper()} must be {low} to {high}, not {value}.")


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
    """Convert a variable's text to the type of its field; the error never repeats a secret."""
    try:
        return _PARSERS[get_type_hints(cls)[name]](text.strip())
    except ValueError as error:
        shown = "" if "secret" in name or "token" in name else f" {text!r}"
        raise ConfigError(f"{PREFIX}{name.upper()}{shown} is not valid: {error}.") from error
