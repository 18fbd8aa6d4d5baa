"""If an upload's row cannot be written (full disk, locked database), its file is deleted."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from peewee import OperationalError

from chromi.db import Job, Upload
from chromi.storage import Storage
from tests.support import tus_client
from tests.support.http_forms import files_in, form

BreakSave = Callable[[type[Job] | type[Upload]], None]


@pytest.fixture
def break_save(monkeypatch: pytest.MonkeyPatch) -> BreakSave:
    """A function that makes saving rows of a model fail, as on a full disk."""

    def fail(*_: object, **__: object) -> None:
        raise OperationalError("database or disk is full")

    def break_save(model: type[Job] | type[Upload]) -> None:
        monkeypatch.setattr(model, "save", fail)

    return break_save


@pytest.mark.parametrize(
    ("path", "model"), [("/uploads/", Upload), ("/convert/", Upload), ("/convert/", Job)]
)
def test_upload_without_its_row_leaves_no_file(
    client: FlaskClient,
    storage: Storage,
    clip: Path,
    break_save: BreakSave,
    path: str,
    model: type[Job] | type[Upload],
) -> None:
    break_save(model)
    response = client.post(path, **form(clip))
    assert (response.status_code, response.get_json()["error"]["code"]) == (503, "busy")
    assert files_in(storage) == []
    assert Upload.select().count() == 0


def test_resumable_upload_without_its_row_leaves_no_file(
    client: FlaskClient, storage: Storage, break_save: BreakSave
) -> None:
    break_save(Upload)
    assert tus_client.create(client, 1000).status_code == 503
    assert files_in(storage) == []
