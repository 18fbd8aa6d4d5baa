"""Create a resource only once for all requests with the same Idempotency-Key.

This follows draft-ietf-httpapi-idempotency-key-header-07. The resource's id is chosen before it is created.
A crash at any point therefore leaves either a resource that the next request finds, or a key that is free
again after ABANDONED_S.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from flask import request
from peewee import OperationalError

from chromi.db import IdempotencyKey
from chromi.errors import BadRequest
from chromi.i18n import Message
from chromi.storage import new_id
from chromi.web.http.client_identity import identify_client
from chromi.web.http.request_errors import IdempotencyKeyInUse, IdempotencyKeyReused

HEADER = "Idempotency-Key"
ABANDONED_S = 600
"""A request that has created nothing after this long was interrupted. A conversion within the request, the
slowest case, creates its job before it converts."""

_KEY = re.compile(r'"?([!#-~]{1,255})"?')
"""Printable ASCII, with or without the quotes of a structured field."""

T = TypeVar("T")


def create_once(create: Callable[[str], T], find: Callable[[str], T | None]) -> T:
    """Create a resource with the given id, or return the one that an earlier identical request created.

    Raises the errors of `create`, BadRequest for a malformed key, IdempotencyKeyReused for a key of another
    request, and IdempotencyKeyInUse while the first request is in progress.
    """
    if HEADER not in request.headers:
        return create(new_id())
    row_id, body_hash = _row_id(), _hash_form()
    if row := IdempotencyKey.reserve(row_id, body_hash):
        try:
            return create(row.resource_id)
        except BaseException:
            with suppress(OperationalError):
                row.release()
            raise
    earlier: IdempotencyKey | None = IdempotencyKey.get_or_none(IdempotencyKey.id == row_id)
    if earlier is None:  # the first request has just failed
        raise IdempotencyKeyInUse
    if earlier.body_hash != body_hash:
        raise IdempotencyKeyReused
    if resource := find(earlier.resource_id):
        return resource
    if abs(time.time() - earlier.created_at) < ABANDONED_S:
        raise IdempotencyKeyInUse
    earlier.release()  # the request was interrupted, or the resource has been deleted
    return create_once(create, find)


def _row_id() -> str:
    """Return the id of the key's row, which other clients and other paths do not share. Raises BadRequest."""
    match = _KEY.fullmatch(request.headers[HEADER])
    if match is None:
        raise BadRequest(
            Message(
                "The header %(name)s must have 1 to 255 printable ASCII characters, "
                "without spaces or quotation marks.",
                name=HEADER,
            )
        )
    parts = (identify_client() or "", request.path.rstrip("/"), match[1])
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _hash_form() -> str:
    """Hash the form's fields and files, because each request separates them by another boundary."""
    parts = [f"{name}={value!r}" for name, value in request.form.items(multi=True)]
    for name, file in request.files.items(multi=True):
        digest = hashlib.file_digest(file.stream, "sha256")  # type: ignore[arg-type]
        file.stream.seek(0)
        parts.append(f"{name}@{digest.hexdigest()}")
    return hashlib.sha256("\n".join(sorted(parts)).encode()).hexdigest()
