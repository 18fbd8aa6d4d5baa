"""Check the settings that name the servers of several machines."""

from __future__ import annotations

from urllib.parse import urlsplit

from chromi.errors import ConfigError

POSTGRES_SCHEMES = ("postgresql", "postgres")
SERVER_URLS = ("database_url", "queue_url", "storage_url")
"""The settings. Their values may contain passwords."""
QUEUE_SCHEMES = (*POSTGRES_SCHEMES, "redis", "rediss")


def check_server_urls(*, database_url: str, queue_url: str, storage_url: str, secret_key: str) -> None:
    """Raise ConfigError unless the URLs fit together. The message never repeats a URL's password."""
    _check_scheme("CHROMI_DATABASE_URL", database_url, POSTGRES_SCHEMES)
    _check_scheme("CHROMI_QUEUE_URL", queue_url, QUEUE_SCHEMES)
    _check_scheme("CHROMI_STORAGE_URL", storage_url, ("s3",))
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
    try:
        parts = urlsplit(url)
        is_valid = not url or (parts.scheme in allowed and parts.port is not False)
    except ValueError:
        is_valid = False
    if not is_valid:
        prefixes = ", ".join(f"{scheme}://" for scheme in allowed)
        raise ConfigError(f"{name} must be a URL that starts with one of {prefixes}.")
