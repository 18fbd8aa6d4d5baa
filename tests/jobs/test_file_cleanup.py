"""A nearly full machine removes only copies of files in the bucket, which loses only Chromi's own orphans."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from chromi.config import Settings
from chromi.db import Job, State, Upload
from chromi.jobs.file_cleanup import remove_bucket_orphans, remove_copies
from chromi.storage import MIN_FREE_BYTES, Storage, files_in, new_id
from tests.jobs.conftest import create_job, create_upload
from tests.support.disk_space import set_free_space
from tests.support.s3_server import CREDENTIALS, S3Server

SIZE_BYTES = 1000


class SmallDisk(Storage):
    """A machine whose disk is crowded while its media files have more than `max_bytes`."""

    max_bytes = 0
    needed: Iterator[Path | None] = iter(())
    """The files that another process needs when the disk is checked, one at a time."""

    def is_crowded(self) -> bool:
        if path := next(self.needed, None):
            self.fetch(path)
        return sum(path.stat().st_size for path in files_in(self.uploads.parent)) > self.max_bytes


@pytest.fixture
def disk(open_instance: None, settings: Settings) -> SmallDisk:
    return SmallDisk(settings.instance, "s3://bucket?region=us-east-1")


def write(path: Path, *, read_at: float) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(bytes(SIZE_BYTES))
    os.utime(path, (read_at, 1000))
    return path


def test_least_recently_read_copies_are_removed_first(disk: SmallDisk) -> None:
    upload = create_upload(disk)
    job = create_job(State.SUCCESS)
    still = disk.stills_folder(upload.id) / "best.png"
    clip, preview, still, gif = (
        write(path, read_at=read_at)
        for path, read_at in (
            (disk.upload_path(upload.id), 4000),
            (disk.preview_path(upload.id), 1000),
            (still, 2000),
            (disk.result_path(job.id), 3000),
        )
    )
    disk.max_bytes = 4 * SIZE_BYTES
    assert remove_copies(disk) == 0
    disk.max_bytes = 2 * SIZE_BYTES
    assert remove_copies(disk) == 2
    assert [path.exists() for path in (clip, preview, still, gif)] == [True, False, False, True]


def test_files_that_are_not_in_the_bucket_are_kept(disk: SmallDisk) -> None:
    partial = write(disk.partial_upload_path(Upload.create(length_bytes=9).id), read_at=1000)
    running = create_job(State.IN_PROGRESS, attempts=1)
    result = write(disk.result_path(running.id), read_at=1000)
    work = write(disk.attempt_path(running.id, 1) / "frames.nut", read_at=1000)
    frames = write(disk.frame_cache_path(new_id(), "0" * 16), read_at=1000)
    assert remove_copies(disk) == 0
    assert all(path.exists() for path in (partial, result, work, frames))


def test_clip_of_a_running_job_is_kept(disk: SmallDisk) -> None:
    upload = create_upload(disk)
    clip = write(disk.upload_path(upload.id), read_at=1000)
    job = create_job(State.IN_PROGRESS, upload=upload)
    assert remove_copies(disk) == 0
    assert clip.exists()
    Job.update(state=State.FAILED).where(Job.id == job.id).execute()
    assert remove_copies(disk) == 1


def test_copy_that_is_needed_during_the_cleanup_is_kept(disk: SmallDisk) -> None:
    clip = write(disk.upload_path(create_upload(disk).id), read_at=1000)
    gif = write(disk.result_path(create_job(State.SUCCESS).id), read_at=2000)
    disk.needed = iter([None, clip])
    assert remove_copies(disk) == 1
    assert [path.exists() for path in (clip, gif)] == [True, False]
    assert clip.stat().st_mtime == 1000, "only the time of the last read has changed"


def test_without_a_bucket_the_only_copies_are_kept(open_instance: None, settings: Settings) -> None:
    local = SmallDisk(settings.instance)
    clip = write(local.upload_path(create_upload(local).id), read_at=1000)
    assert remove_copies(local) == 0
    assert clip.exists()


def test_only_orphans_with_names_of_chromi_are_removed_from_the_bucket(
    open_instance: None, s3: S3Server, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in CREDENTIALS.items():
        monkeypatch.setenv(name, text)
    storage = Storage(settings.instance, s3.take_bucket())
    assert storage.bucket
    lost_id, check = new_id(), f"check-{new_id()[:8]}"
    lost = keys_of(storage, lost_id)
    kept = keys_of(storage, create_upload(storage).id) + keys_of(storage, create_job(State.SUCCESS).id)
    foreign = [
        *("cat.jpg", "photos/cat.jpg", "uploads/cat.jpg", "results/2026-11.csv", "check-list.txt"),
        *(lost_id, f"photos/{lost_id}.jpg", f"uploads/{new_id()}/cat.jpg", f"other/uploads/{lost_id}"),
    ]
    for key in (*lost, check, *kept, *foreign):
        storage.bucket.publish(Path(os.devnull), key, lambda: None, retry_s=0)
    listed = [(key, 0.0) for batch in storage.bucket.list_keys() for key, _ in batch]
    assert remove_bucket_orphans(storage.bucket, listed) == len(lost) + 1
    assert {key for batch in storage.bucket.list_keys() for key, _ in batch} == {*kept, *foreign}


def keys_of(storage: Storage, row_id: str) -> list[str]:
    """Return the keys of all files of an upload and a job with this id."""
    paths = [*storage.upload_files(row_id), *storage.result_files(row_id)]
    return [str(path.relative_to(storage.uploads.parent)) for path in paths]


def test_disk_is_crowded_before_uploads_are_rejected(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for free_bytes, is_crowded in ((2 * MIN_FREE_BYTES, False), (2 * MIN_FREE_BYTES - 1, True)):
        set_free_space(monkeypatch, free_bytes)
        assert storage.is_crowded() == is_crowded
        assert not storage.is_low()
