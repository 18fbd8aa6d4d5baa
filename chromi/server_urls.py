"""Check the settings that name the servers of several machines."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

from chromi.errors import ConfigError

POSTGRES_SCHEMES = ("postgresql", "postgres")
SERVER_URLS = ("database_url", "queue_url", "storage_url")
"""The settings. Their values may contain passwords."""
QUEUE_SCHEMES = (*POSTGRES_SCHEMES, "redis", "rediss")
_BUCKET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]")
"""From docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html, with names of older buckets."""
BUCKET_OPTIONS = ("endpoint", "region", "virtual_hosted_style_request")


def check_server_urls(*, database_url: str, queue_url: str, storage_url: str, secret_key: str) -> None:
    """Raise ConfigError unless the URLs fit together. The message never repeats a URL's password."""
    _check_scheme("CHROMI_DATABASE_URL", database_url, POSTGRES_SCHEMES)
    _check_scheme("CHROMI_QUEUE_URL", queue_url, QUEUE_SCHEMES)
    _check_scheme("CHROMI_STORAGE_URL", storage_url, ("s3",))
    _check_redis_path(queue_url)
    _check_bucket_parts(storage_url)
    if storage_url and not database_url:
        raise ConfigError(
            "CHROMI_STORAGE_URL requires CHROMI_DATABASE_URL, because machines that share files must also "
            "share the rows."
        )
    if queue_url and not database_url:
        raise ConfigError(
            "CHROMI_QUEUE_URL requires CHROMI_DATABASE_URL, because machines that share a queue must also "
            "share the jobs."
        )
    if database_url and not secret_key:
        raise ConfigError(
            "CHROMI_DATABASE_URL requires CHROMI_SECRET_KEY, because all machines must sign links with the "
            "same key."
        )


def _check_scheme(name: str, url: str, allowed: tuple[str, ...]) -> None:
    if not url:
        return
    try:
        scheme = urlsplit(url).scheme
    except ValueError as error:
        raise ConfigError(
            f"{name} is not a valid URL. Percent-encode special characters in its password."
        ) from error
    if scheme not in allowed:
        prefixes = " or ".join(f"{scheme}://" for scheme in allowed)
        raise ConfigError(f"{name} must be a URL that starts with {prefixes}.")
    try:
        _ = urlsplit(url).port
    except ValueError as error:
        raise ConfigError(f"{name} has an invalid port.") from error


def _check_redis_path(url: str) -> None:
    """Require a number as the name of a Redis database, because redis-py ignores other names."""
    parts = urlsplit(url)
    if parts.scheme not in ("redis", "rediss"):
        return
    if not parts.hostname:
        raise ConfigError("CHROMI_QUEUE_URL must name a host: redis://HOST:PORT/0.")
    name = parts.path.removeprefix("/")
    if name and not name.isdecimal():
        raise ConfigError("CHROMI_QUEUE_URL must end with the number of a Redis database, such as /0.")


def _check_bucket_parts(url: str) -> None:
    """Check what obstore would fail at later, with a panic of its Rust code."""
    if not url:
        return
    if not _BUCKET_NAME.fullmatch(urlsplit(url).netloc):
        raise ConfigError("CHROMI_STORAGE_URL must name a bucket: s3://BUCKET/PREFIX.")
    options = parse_qs(urlsplit(url).query)
    if unknown := options.keys() - BUCKET_OPTIONS:
        raise ConfigError(
            f"CHROMI_STORAGE_URL has the unknown option {min(unknown)}. "
            f"The options are {', '.join(BUCKET_OPTIONS)}."
        )
    for endpoint in options.get("endpoint", ()):
        if urlsplit(endpoint).scheme not in ("http", "https") or not urlsplit(endpoint).netloc:
            raise ConfigError("The endpoint in CHROMI_STORAGE_URL must start with http:// or https://.")
