"""Media files stay in their folders, and incomplete ones are deleted."""

import os
import resource
import shutil
import signal
from functools import partial
from pathlib import Path

import pytest

from chromi.encoder import ConversionOptions
from chromi.errors import NotFound, UploadLocked
from chromi.storage import PartialFile, Storage, files_in, new_id


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    storage = Storage(tmp_path)
    storage.create_folders()
    return storage


def test_ids_are_unique_and_name_paths(storage: Storage) -> None:
    first, second = new_id(), new_id()
    assert first != second
    assert storage.upload_path(first).parent == storage.uploads
    assert storage.result_path(second) == storage.results / f"{second}.gif"
    key = ConversionOptions().frame_cache_key()
    assert storage.frame_cache_path(first, key) == storage.frames / f"{first}-{key}.nut"


@pytest.mark.parametrize(
    "name", ["..", "../x", "/etc/passwd", "", "A" * 32, "a" * 31, "a" * 33, "a" * 31 + "\n"]
)
def test_invalid_id_has_no_path(storage: Storage, name: str) -> None:
    for get_path in (storage.upload_path, partial(storage.attempt_path, attempt=1), storage.result_path):
        with pytest.raises(NotFound):
            get_path(name)
    for names in ((name, ConversionOptions().frame_cache_key()), (new_id(), name)):
        with pytest.raises(NotFound):
            storage.frame_cache_path(*names)


def test_cached_frames_are_listed_most_recently_used_first(storage: Storage) -> None:
    uploads = [new_id() for _ in range(3)]
    paths = [storage.frame_cache_path(upload, ConversionOptions().frame_cache_key()) for upload in uploads]
    for used_at, path in zip((2000, 3000, 1000), paths, strict=True):
        path.write_bytes(b"x")
        os.utime(path, (used_at, used_at))
    assert storage.cached_frames() == [(uploads[n], paths[n]) for n in (1, 0, 2)]


def test_incoming_file_is_deleted_unless_kept(storage: Storage) -> None:
    with storage.open_incoming() as incoming:
        incoming.write(b"abc")
    assert list(storage.uploads.iterdir()) == []


def test_incoming_file_is_deleted_on_a_full_disk(storage: Storage) -> None:
    incoming = storage.open_incoming()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))  # longer writes fail, as on a full disk
    try:
        incoming.write(b"x" * 100)
        with pytest.raises(OSError, match="too large"):
            incoming.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert list(storage.uploads.iterdir()) == []


def test_kept_file_is_complete(storage: Storage) -> None:
    destination = storage.upload_path(new_id())
    with storage.open_incoming() as incoming:
        incoming.write(b"abc")
        incoming.keep(destination)
    assert destination.read_bytes() == b"abc"
    assert list(storage.uploads.iterdir()) == [destination]


def test_partial_file_is_unlocked_when_closed(storage: Storage) -> None:
    """It is unlocked even if a child process still has a copy of the descriptor."""
    path = storage.partial_upload_path(new_id())
    file = PartialFile(path)
    copy = os.dup(file.fileno())
    with pytest.raises(UploadLocked):
        PartialFile(path)
    file.close()
    PartialFile(path).close()
    os.close(copy)


def test_files_in_survives_disappearing_folders(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    files = files_in(tmp_path)
    first = next(files).parent
    others = [folder for folder in tmp_path.iterdir() if folder != first]
    shutil.rmtree(others[0])
    assert list(files) == [others[1] / "file"]
