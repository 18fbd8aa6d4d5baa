"""The media files of an instance: where they are stored and how they are written."""

from chromi.storage.bucket import Bucket
from chromi.storage.files import IncomingFile, PartialFile, files_in, make_files_private, new_id, size_of
from chromi.storage.paths import MIN_FREE_BYTES, Storage

__all__ = [
    "MIN_FREE_BYTES",
    "Bucket",
    "IncomingFile",
    "PartialFile",
    "Storage",
    "files_in",
    "make_files_private",
    "new_id",
    "size_of",
]
