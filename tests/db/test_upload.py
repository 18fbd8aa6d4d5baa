"""Uploads are incomplete or complete, and are kept as long as they are used."""

import time
from pathlib import Path

import pytest

from chromi.db import Upload
from chromi.errors import Conflict, NotFound
from tests.support.read_only_database import read_only
from tests.support.rows import VIDEO_INFO

pytestmark = pytest.mark.usefixtures("open_db")


def test_incomplete_upload_has_no_info() -> None:
    upload = Upload.create(length_bytes=9)
    assert (upload.is_complete, upload.info) == (False, None)
    with pytest.raises(Conflict):
        Upload.find_complete(upload.id)


def test_complete_upload_has_info() -> None:
    upload = Upload.create(length_bytes=9)
    assert upload.complete(VIDEO_INFO)
    found = Upload.find_complete(upload.id)
    assert (found.is_complete, found.info) == (True, VIDEO_INFO)


def test_deleted_upload_cannot_be_completed() -> None:
    upload = Upload.create(length_bytes=9)
    upload.delete_instance()
    assert not upload.complete(VIDEO_INFO)
    with pytest.raises(NotFound):
        Upload.find_complete(upload.id)


def test_use_is_recorded_at_intervals_and_only_if_the_database_is_writable(open_db: Path) -> None:
    upload = Upload.create(length_bytes=1, used_at=time.time() - 5)
    upload.record_use()
    assert Upload.find(upload.id).used_at == upload.used_at
    Upload.update(used_at=time.time() - 100).execute()
    with read_only():
        Upload.find(upload.id).record_use()
    Upload.find(upload.id).record_use()
    assert Upload.find(upload.id).used_at == pytest.approx(time.time(), abs=5)
