"""Receive uploads, probe the file and record it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from flask import Request, request
from werkzeug.exceptions import RequestEntityTooLarge

from chromi.admission.admission_control import AdmissionControl
from chromi.db import RateLimit, Upload
from chromi.encoder import VideoInfo, probe_video
from chromi.errors import ChromiError, ClipNotFound, MissingVideo, RateLimited, UploadTooLarge
from chromi.i18n import Message
from chromi.jobs.removal import remove_upload
from chromi.storage import IncomingFile, PartialFile, Storage, new_id
from chromi.web.http.client_identity import identify_client
from chromi.web.http.error_handlers import body_too_large, status_code_of
from chromi.web.limits.chunk_validation import check_chunk, received_bytes_of
from chromi.web.services import services

PROBES = RateLimit("probe", 3)
"""Limit per upload on how often ffmpeg probes it within an hour. Invalid files are deleted immediately."""
BUFFER_BYTES = 65536

EMPTY_FILE = Message("The file is empty. Choose another one.")


class UploadRequest(Request):
    """A request whose files are written directly to the uploads folder, without a temporary copy."""

    def _get_file_stream(self, *_: object, **__: object) -> IncomingFile:
        incoming = services().storage.open_incoming()
        self.__dict__.setdefault("_incoming", []).append(incoming)
        return incoming

    def close(self) -> None:
        """Also delete the files of a form that could not be fully parsed."""
        for incoming in self.__dict__.get("_incoming", ()):
            with suppress(OSError):  # if the disk is full, the file is still deleted
                incoming.close()
        super().close()


def check_length(size_bytes: int) -> None:
    """Raise MissingVideo for an empty file and UploadTooLarge for one larger than CHROMI_MAX_UPLOAD_MB."""
    settings = services().settings
    if size_bytes == 0:
        raise MissingVideo(EMPTY_FILE)
    if size_bytes > settings.max_upload_bytes:
        raise UploadTooLarge.over(settings.max_upload_mb)


# -- uploads in one request ------------------------------------------------------------------------------


def receive_form_upload(*, one_shot: bool = False) -> Upload:
    """Store the form's video, ignoring its file name and declared type.

    Raises MissingVideo, UploadTooLarge, RateLimited or NotAVideo, and for a one-shot upload the errors of
    AdmissionControl.check_job. In these cases, nothing is left on disk. An upload that fails for no fault of
    the file is refunded.
    """
    incoming, size_bytes = _form_video()
    admission = services().admission
    client = identify_client()
    admission.admit_form_upload(client, starts_job=one_shot)
    try:
        return _store_form_video(incoming, size_bytes, client, one_shot=one_shot)
    except Exception as error:
        if not _is_fault_of_file(error):
            admission.refund_upload(client)
        raise


def _store_form_video(
    incoming: IncomingFile, size_bytes: int, client: str | None, *, one_shot: bool
) -> Upload:
    incoming.flush()
    with services().admission.charge_probe(client):
        info = probe_video(incoming.path)
    upload_id = new_id()
    path = services().storage.upload_path(upload_id)
    incoming.keep(path)
    try:
        services().storage.publish(path)
        return Upload.create(
            id=upload_id,
            length_bytes=size_bytes,
            client=client,
            info_json=info.to_dict(),
            one_shot=one_shot,
        )
    except BaseException:  # the database remained locked, the disk is full, or the bucket is unavailable
        services().storage.remove(path)
        raise


def _is_fault_of_file(error: Exception) -> bool:
    """Return whether another attempt with the same file would fail in the same way."""
    if not isinstance(error, ChromiError) or isinstance(error, RateLimited):
        return False
    return status_code_of(error) < 500


def _form_video() -> tuple[IncomingFile, int]:
    """Return the file in the `video` field and its length. Raises MissingVideo and UploadTooLarge."""
    try:
        sent = request.files.get("video")
    except RequestEntityTooLarge as error:
        raise body_too_large() from error
    if sent is None:
        raise MissingVideo
    incoming: IncomingFile = sent.stream  # type: ignore[assignment]
    size_bytes = incoming.seek(0, 2)
    check_length(size_bytes)
    return incoming, size_bytes


# -- resumable uploads -----------------------------------------------------------------------------------


def create_resumable_upload(length_bytes: int) -> Upload:
    """Create an upload whose bytes will arrive in chunks, if there is space for all of them."""
    check_length(length_bytes)
    client = identify_client()
    admission = services().admission
    admission.admit_resumable_upload(client, length_bytes)
    try:
        return Upload.create(length_bytes=length_bytes, client=client)
    except Exception:
        admission.refund_upload(client, length_bytes)
        raise


def receive_chunk(upload_id: str, offset: str | None) -> int:
    """Append the request's body to an upload and return the new offset. The last chunk completes the upload.

    Raises NotFound, UploadLocked, WrongOffset, UploadTooLarge and the errors of `_complete`.
    """
    storage = services().storage
    path = storage.partial_upload_path(upload_id)
    with PartialFile(path) as file:
        upload = Upload.find(upload_id)  # under the lock, so no other request can complete it in the meantime
        if upload.is_complete:
            path.unlink()  # just created by PartialFile
        check_chunk(
            offset, request.content_length or 0, received_bytes_of(upload, storage), upload.length_bytes
        )
        if not upload.is_complete:
            _append_body(upload, file)
            if file.size_bytes == upload.length_bytes:
                _complete(upload, services().admission)
                path.unlink()
            elif not path.exists():  # deleted while the bytes arrived
                raise ClipNotFound
        return received_bytes_of(upload, storage)


def _append_body(upload: Upload, file: PartialFile) -> None:
    """Append the bytes as they arrive. Only received bytes keep an upload alive; empty requests do not."""
    size_before = file.size_bytes
    try:
        while content := request.stream.read(BUFFER_BYTES):
            if upload.started_at is None:
                services().admission.admit_first_byte(upload)
            file.append(content)
    finally:
        if file.size_bytes > size_before:
            upload.record_use()


def _complete(upload: Upload, admission: AdmissionControl) -> None:
    """Probe an upload whose bytes have all arrived, and mark it as complete.

    Raises NotAVideo, TimedOut or NotFound after removing the upload. After RateLimited or an error on our
    side, the upload stays, and the client can retry with an empty chunk at its end.
    """
    with admission.charge_probe(upload.client):
        if not PROBES.acquire(upload.id):
            raise RateLimited.probes(PROBES.wait_s(upload.id))
        if not upload.touch():  # its last byte may be old, and the cleanup must not remove it in the meantime
            raise ClipNotFound
        info = _probe(upload, admission)
        path = _link_complete_file(upload, admission.storage)
        admission.storage.publish(path)
    if not upload.complete(info):
        admission.storage.remove(path)
        raise ClipNotFound


def _link_complete_file(upload: Upload, storage: Storage) -> Path:
    """Give the received bytes their final name. They keep the other one until the row is complete."""
    path = storage.upload_path(upload.id)
    try:
        with suppress(FileExistsError):  # an earlier attempt stopped before the row was complete
            path.hardlink_to(storage.partial_upload_path(upload.id))
    except FileNotFoundError as error:
        raise ClipNotFound from error
    return path


def _probe(upload: Upload, admission: AdmissionControl) -> VideoInfo:
    try:
        return probe_video(admission.storage.partial_upload_path(upload.id))
    except ChromiError as error:
        if _is_fault_of_file(error):
            remove_upload(upload, admission.storage, admission.settings)
        raise
    except FileNotFoundError as error:
        raise ClipNotFound from error  # removed while it was being probed
