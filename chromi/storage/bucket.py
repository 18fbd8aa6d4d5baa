"""An S3 bucket that carries files between nodes, with obstore (`requirements-servers.txt`)."""

from __future__ import annotations

import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit
from weakref import WeakValueDictionary

from chromi.atomic_files import atomic_publish
from chromi.errors import ConfigError, DiskFull, ServiceBusy, ServiceUnhealthy
from chromi.startup import wait_until_available
from chromi.storage.files import modified_at

logger = logging.getLogger(__name__)

PART_BYTES = 5 * 2**20
"""The smallest part that S3 accepts. At most PARTS_IN_FLIGHT are in memory."""
PARTS_IN_FLIGHT = 2
READ_BYTES = 2**20
READ_TIMEOUT_S = 20.0
"""Until the response to a request starts, and between two chunks of it: less than a worker's watchdog allows
between two ticks. A request that sends a part must have sent all of it by then."""
DOWNLOAD_TIMEOUT_S = 300.0
"""Until a response is complete. A job that needs longer could not end within its own limit."""
RETRY_INTERVAL_S = 1.0

Tick = Callable[[], object]
T = TypeVar("T")


class Bucket:
    """The files of all nodes. A key is the file's path below the media folder.

    The store is created in the process that uses it, because obstore's threads do not survive a fork. The
    credentials are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or those that the machine has.
    """

    def __init__(self, url: str) -> None:
        """`url` is `s3://bucket/prefix`, with `?endpoint=URL` and `&region=NAME` where they are needed."""
        parts = urlsplit(url)
        self._url = f"{parts.scheme}://{parts.netloc}{parts.path}"
        self._options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        self._store: tuple[int, Any] = (0, None)
        self._locks: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
        try:
            import obstore
        except ImportError as error:
            raise ConfigError("CHROMI_STORAGE_URL requires obstore: see docs/scaling.md.") from error
        self._obstore = obstore

    def fetch(self, key: str, path: Path, on_tick: Tick, *, retry_s: float, newer_than: float = 0.0) -> None:
        """Download a file unless it is here and was written after `newer_than`, in seconds since 1970.

        Raises FileNotFoundError, ServiceBusy and DiskFull.
        """
        lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if modified_at(path) <= newer_than:
                self._retry(lambda: self._download(key, path, on_tick), on_tick, retry_s)

    def publish(self, path: Path, key: str, on_tick: Tick, *, retry_s: float) -> None:
        """Upload a file. Raises ServiceBusy."""

        def upload() -> None:
            with path.open("rb") as file:
                chunks = iter(lambda: (on_tick(), file.read(READ_BYTES))[1], b"")
                self._obstore.put(
                    self._get_store(), key, chunks, chunk_size=PART_BYTES, max_concurrency=PARTS_IN_FLIGHT
                )

        try:
            self._retry(upload, on_tick, retry_s)
        except FileNotFoundError as error:
            raise ServiceBusy(detail=f"the bucket {self._url} does not exist") from error

    def delete(self, keys: Iterable[str], *, retry_s: float) -> None:
        """Delete files, whether or not they exist. Raises ServiceBusy."""
        paths = list(keys)
        self._retry(lambda: self._obstore.delete(self._get_store(), paths), lambda: None, retry_s)

    def list_keys(self) -> Iterator[list[tuple[str, float]]]:
        """Yield batches of keys with the times when they were written. Raises ServiceBusy."""
        try:
            for batch in self._obstore.list(self._get_store()):
                yield [(entry["path"], entry["last_modified"].timestamp()) for entry in batch]
        except self._obstore.exceptions.BaseError as error:
            raise ServiceBusy(detail=f"bucket: {error}") from error

    def check(self) -> None:
        """Raise ServiceUnhealthy if the bucket cannot be used."""
        try:
            self._write_and_delete()
        except (self._obstore.exceptions.BaseError, FileNotFoundError) as error:
            raise ServiceUnhealthy(f"The bucket {self._url} cannot be used: {_reason(error)}") from error

    def wait_until_available(self) -> None:
        """Wait at start until the bucket can be used. Raises ConfigError and ServiceUnhealthy.

        A process that calls this must not fork children that use the bucket.
        """
        errors = self._obstore.exceptions
        try:
            self._get_store()
        except errors.BaseError as error:
            raise ConfigError(f"CHROMI_STORAGE_URL is invalid: {_reason(error)}") from error
        rejections = errors.PermissionDeniedError, errors.UnauthenticatedError, FileNotFoundError
        wait_until_available(
            self._write_and_delete,
            f"The bucket {self._url}",
            errors=(errors.BaseError, FileNotFoundError),
            is_final=lambda error: isinstance(error, rejections),
            describe=_reason,
        )

    def _write_and_delete(self) -> None:
        key = f"check-{secrets.token_hex(4)}"
        self._obstore.put(self._get_store(), key, b"")
        self._obstore.delete(self._get_store(), key)

    def _download(self, key: str, path: Path, on_tick: Tick) -> None:
        partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
        path.parent.mkdir(parents=True, exist_ok=True)  # the stills' folder, or all if a disk was lost
        try:
            with partial.open("xb") as file:
                # Each chunk as it arrives, because collecting a larger one may take longer than a tick may.
                for chunk in self._obstore.get(self._get_store(), key).stream(min_chunk_size=1):
                    file.write(chunk)
                    on_tick()
            atomic_publish(partial, path, check=on_tick)
        except OSError as error:
            raise DiskFull.from_os_error(error) or error from error
        finally:
            partial.unlink(missing_ok=True)

    def _retry(self, call: Callable[[], T], on_tick: Tick, retry_s: float) -> T:
        """Call until it succeeds or `retry_s` seconds have passed. Raises ServiceBusy."""
        deadline = time.monotonic() + retry_s
        while True:
            try:
                return call()
            except self._obstore.exceptions.BaseError as error:
                if time.monotonic() > deadline:
                    raise ServiceBusy(detail=f"bucket: {_reason(error)}") from error
                logger.warning("the bucket is unavailable, retrying: %s", _reason(error))
            on_tick()
            time.sleep(RETRY_INTERVAL_S)

    def _get_store(self) -> Any:
        pid, store = self._store
        if pid != os.getpid():
            store = self._create_store()
            self._store = (os.getpid(), store)
        return store

    def _create_store(self) -> Any:
        from_url: Any = import_module("obstore.store").from_url  # its overloads know no dynamic options

        options: dict[str, Any] = dict(self._options)
        client_options = {
            "connect_timeout": timedelta(seconds=5),
            "read_timeout": timedelta(seconds=READ_TIMEOUT_S),
            "timeout": timedelta(seconds=DOWNLOAD_TIMEOUT_S),
            "allow_http": options.get("endpoint", "").startswith("http://"),
        }
        no_retries = {"max_retries": 0, "retry_timeout": timedelta(seconds=READ_TIMEOUT_S)}
        return from_url(self._url, client_options=client_options, retry_config=no_retries, **options)


def _reason(error: Exception) -> str:
    """Return S3's error code and message, or the first line of another error."""
    text = str(error)
    with suppress(ValueError):
        start, stop = text.index("<Message>") + len("<Message>"), text.index("</Message>")
        return text[start:stop]
    return text.splitlines()[0]
