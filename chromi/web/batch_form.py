"""Parse the form of a batch: which clips, which windows, and the options that they share."""

from __future__ import annotations

from dataclasses import dataclass

from werkzeug.datastructures import MultiDict

from chromi.db import Upload
from chromi.encoder import OPTIONS, ConversionOptions
from chromi.errors import BadOptions
from chromi.i18n import Message

MAX_BATCH_JOBS = 16
"""A client's share of the default queue."""


@dataclass(frozen=True)
class BatchItem:
    """One conversion of a batch."""

    upload: Upload
    options: ConversionOptions


def parse_batch(form: MultiDict[str, str]) -> list[BatchItem]:
    """Return the conversions: each `upload_id` with the common `start_time`, or each with its own.

    A single `upload_id` is converted once for each `start_time`. Raises BadOptions, and NotFound or Conflict
    for a missing or incomplete upload.
    """
    upload_ids, start_times = form.getlist("upload_id"), form.getlist("start_time") or [""]
    count = max(len(upload_ids), len(start_times))
    _check_counts(len(upload_ids), len(start_times))
    uploads = [Upload.find_complete(upload_id) for upload_id in upload_ids] * (count // len(upload_ids))
    start_times = start_times * (count // len(start_times))
    items = [_parse_item(*pair, form) for pair in zip(uploads, start_times, strict=True)]
    if len({(item.upload.id, item.options) for item in items}) < count:
        raise BadOptions(Message("Two windows of this batch are the same."))
    return items


def _check_counts(uploads: int, start_times: int) -> None:
    """Raise BadOptions for too many or too few windows, or if it is unclear which belongs to which clip."""
    if not uploads or max(uploads, start_times) > MAX_BATCH_JOBS:
        raise BadOptions(
            Message(
                "A batch has 1 to %(limit)s windows: repeat “upload_id”, “start_time” or both.",
                limit=MAX_BATCH_JOBS,
            )
        )
    if uploads != start_times and 1 not in (uploads, start_times):
        raise BadOptions(Message("Send one “start_time” for all videos, or one for each “upload_id”."))


def _parse_item(upload: Upload, start_time: str, form: MultiDict[str, str]) -> BatchItem:
    """Return one conversion. Raises BadOptions listing each invalid option."""
    fields = {name: form.get(name, "") for name in OPTIONS} | {"start_time": start_time}
    options = ConversionOptions.parse(**fields)
    options.check_against(upload.complete_info())
    return BatchItem(upload, options)
