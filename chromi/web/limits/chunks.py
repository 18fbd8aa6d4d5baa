"""Pieces of an upload: where they belong, and what becomes of their whole."""

from __future__ import annotations

import os

from chromi.admission.admission_control import AdmissionControl
from chromi.db import PartialUpload, RateLimit, Upload, database
from chromi.encoder import VideoInfo, probe_video
from chromi.errors import BadRequest, ChromiError, Conflict, NotFound, RateLimited, UploadTooLarge
from chromi.i18n import Message
from chromi.jobs import removal
from chromi.storage import Storage

PROBES = RateLimit("probe", 3)
"""For each upload: how often ffmpeg looks at it within an hour. A bad file is gone after its first time."""

BEYOND_LENGTH = Message("This piece goes on beyond the length that the upload was begun with.")


class WrongOffset(Conflict):
    """A piece does not begin where the file ends."""

    code = "wrong_offset"
    user_message = Message(
        "This piece does not begin where the upload ends. Ask how far it is, and go on from there."
    )


def read_number(name: str, text: str | None) -> int:
    """Read a header's number of bytes; raises BadRequest."""
    if not (text and text.isascii() and text.isdigit() and len(text) < 16):
        raise BadRequest(Message("The header %(name)s must be a whole number of bytes.", name=name))
    return int(text)


def extent_of(upload: Upload | PartialUpload, storage: Storage) -> tuple[int, int]:
    """Say how many bytes of an upload are here, and how many there will be.

    Raises NotFound when the file of an unfinished one is gone.
    """
    if isinstance(upload, Upload):
        return upload.bytes, upload.bytes
    try:
        return storage.partial_path(upload.id).stat().st_size, upload.length_bytes
    except FileNotFoundError as error:
        raise NotFound(PartialUpload.missing_message()) from error


def check_piece(offset: str | None, piece_bytes: int, here_bytes: int, whole_bytes: int) -> None:
    """Raise BadRequest or WrongOffset for the header Upload-Offset, or UploadTooLarge."""
    if read_number("Upload-Offset", offset) != here_bytes:
        raise WrongOffset
    if piece_bytes > whole_bytes - here_bytes:
        raise UploadTooLarge(BEYOND_LENGTH)


def complete(partial: PartialUpload, admission: AdmissionControl) -> None:
    """Make it an upload like any other, with the same id.

    Raises NotAVideo, TimedOut or NotFound, and then nothing stays. After an error of our own all bytes stay,
    and after RateLimited: an empty piece at their end tries again.
    """
    with admission.probing(partial.client):
        if not PROBES.take(partial.id):
            raise RateLimited.probing(PROBES.wait_s(partial.id))
        info = _probe(partial, admission)
    _settle(partial, info, admission.storage)


def _probe(partial: PartialUpload, admission: AdmissionControl) -> VideoInfo:
    try:
        return probe_video(admission.storage.partial_path(partial.id))
    except ChromiError as error:
        if error.status_code < 500:
            removal.remove_partial(partial, admission.storage, admission.settings)
        raise
    except FileNotFoundError as error:
        raise NotFound(PartialUpload.missing_message()) from error  # given up while we looked at it


def _settle(partial: PartialUpload, info: VideoInfo, storage: Storage) -> None:
    """Give row and file their names for good. The file has both names meanwhile: should we die or the commit
    fail, either row finds it, and the sweep removes the other name.

    Raises NotFound when the upload was given up while we looked at it.
    """
    path, whole_path = storage.partial_path(partial.id), storage.upload_path(partial.id)
    try:
        os.utime(path)  # its last byte may be old, and the sweep must not take it for left behind
        whole_path.unlink(missing_ok=True)
        os.link(path, whole_path)
    except FileNotFoundError as error:
        raise NotFound(PartialUpload.missing_message()) from error
    try:
        with database.atomic():
            if not partial.delete_instance():
                raise NotFound(PartialUpload.missing_message())
            row = {"bytes": partial.length_bytes, "client": partial.client}
            Upload.create(id=partial.id, info_json=info.to_dict(), **row)
    except BaseException:
        whole_path.unlink(missing_ok=True)
        raise
    path.unlink(missing_ok=True)
