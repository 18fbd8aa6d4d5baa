"""Files: none outside its folder, none left behind."""

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
def media(tmp_path: Path) -> Storage:
    storage = Storage(tmp_path)
    storage.create_folders()
    return storage


def test_ids_never_repeat_and_name_paths(media: Storage) -> None:
    first, second = new_id(), new_id()
    assert first != second
    assert media.upload_path(first).parent == media.uploads
    assert media.result_path(second) == media.results / f"{second}.gif"
    key = ConversionOptions().frame_cache_key()
    assert media.frame_cache_path(first, key) == media.frames / f"{first}-{key}.nut"


@pytest.mark.parametrize(
    "name", ["..", "../x", "/etc/passwd", "", "A" * 32, "a" * 31, "a" * 33, "a" * 31 + "\n"]
)
def test_a_name_that_is_no_id_has_no_path(media: Storage, name: str) -> None:
    for path_of in (media.upload_path, partial(media.attempt_path, attempt=1), media.result_path):
        with pytest.raises(NotFound):
            path_of(name)
    for names in ((name, ConversionOptions().frame_cache_key()), (new_id(), name)):
        with pytest.raises(NotFound):
            media.frame_cache_path(*names)


def test_kept_frames_are_listed_from_those_used_last_on(media: Storage) -> None:
    uploads = [new_id() for _ in range(3)]
    paths = [media.frame_cache_path(upload, ConversionOptions().frame_cache_key()) for upload in uploads]
    for used_at, path in zip((2000, 3000, 1000), paths, strict=True):
        path.write_bytes(b"x")
        os.utime(path, (used_at, used_at))
    assert media.cached_frames() == [(uploads[n], paths[n]) for n in (1, 0, 2)]


def test_an_incoming_file_vanishes_unless_kept(media: Storage) -> None:
    with media.open_incoming() as incoming:
        incoming.write(b"abc")
    assert list(media.uploads.iterdir()) == []


def test_an_incoming_file_vanishes_even_when_the_disk_is_full(media: Storage) -> None:
    incoming = media.open_incoming()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(
        resource.RLIMIT_FSIZE, (10, hard)
    )  # the kernel refuses to write more, as a full disk does
    try:
        incoming.write(b"x" * 100)
        with pytest.raises(OSError, match="too large"):
            incoming.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert list(media.uploads.iterdir()) == []


def test_a_kept_file_has_all_its_bytes(media: Storage) -> None:
    destination = media.upload_path(new_id())
    with media.open_incoming() as incoming:
        incoming.write(b"abc")
        incoming.keep(destination)
    assert destination.read_bytes() == b"abc"
    assert list(media.uploads.iterdir()) == [destination]


def test_who_adds_to_a_file_lets_go_of_it_at_once(media: Storage) -> None:
    """Even while a program that was started meanwhile still has the descriptor."""
    path = media.upload_path(new_id())
    path.touch()
    file = PartialFile(path)
    copy = os.dup(file.fileno())
    with pytest.raises(UploadLocked):
        PartialFile(path)
    file.close()
    PartialFile(path).close()
    os.close(copy)


def test_files_are_found_though_folders_go_meanwhile(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    found = files_in(tmp_path)
    first = next(found).parent
    others = [folder for folder in tmp_path.iterdir() if folder != first]
    shutil.rmtree(others[0])
    assert list(found) == [others[1] / "file"]
