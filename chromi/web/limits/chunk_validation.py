"""Validate a chunk of a resumable upload, both before its body is received and when it is stored."""

from __future__ import annotations

from chromi.db import Upload
from chromi.errors import BadRequest, UploadTooLarge
from chromi.i18n import Message
from chromi.storage import Storage, size_of
from chromi.web.http.request_errors import WrongOffset

CHUNK_TOO_LONG = Message("This chunk exceeds the upload’s declared length.")


def parse_byte_count(header: str, text: str | None) -> int:
    """Parse a header that holds a number of bytes. Raises BadRequest."""
    if not (text and text.isascii() and text.isdigit() and len(text) < 16):
        raise BadRequest(Message("The header %(name)s must be a whole number of bytes.", name=header))
    return int(text)


def received_bytes_of(upload: Upload, storage: Storage) -> int:
    """Return how many bytes of an upload have arrived at this machine.

    If another machine received them, a client sends them again, to this one.
    """
    if upload.is_complete:
        return int(upload.length_bytes)
    return size_of([storage.partial_upload_path(upload.id)])


def check_chunk(offset: str | None, chunk_bytes: int, received_bytes: int, length_bytes: int) -> None:
    """Raise BadRequest or WrongOffset for the Upload-Offset header, or UploadTooLarge for the length."""
    if parse_byte_count("Upload-Offset", offset) != received_bytes:
        raise WrongOffset
    if chunk_bytes > length_bytes - received_bytes:
        raise UploadTooLarge(CHUNK_TOO_LONG)
