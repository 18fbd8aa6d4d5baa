"""A row that cannot be written, because the disk is full or somebody holds the lock: no file stays for it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from peewee import OperationalError

from chromi.db import Job, Upload
from chromi.storage import Storage
from tests.support.http_forms import files_in, form

BEGIN = {"Tus-Resumable": "1.0.0", "Upload-Length": "1000"}

Break = Callable[..., None]


@pytest.fixture
def no_row_of(monkeypatch: pytest.MonkeyPatch) -> Break:
    """Have the disk be full whenever a row of these kinds is made."""

    def refuse(*_: object, **__: object) -> None:
        raise OperationalError("database or disk is full")

    def no_row_of(*kinds: type[Job] | type[Upload] | type[Upload]) -> None:
        for kind in kinds:
            monkeypatch.setattr(kind, "save", refuse)

    return no_row_of


@pytest.mark.parametrize(
    ("address", "kind"), [("/uploads/", Upload), ("/convert/", Upload), ("/convert/", Job)]
)
def test_a_clip_without_a_row_does_not_stay(
    client: FlaskClient, storage: Storage, clip: Path, no_row_of: Break, address: str, kind: type[Upload]
) -> None:
    no_row_of(kind)
    answer = client.post(address, **form(clip))
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (503, "busy")
    assert files_in(storage) == []
    assert Upload.select().count() == 0


def test_pieces_without_a_row_do_not_stay(client: FlaskClient, storage: Storage, no_row_of: Break) -> None:
    no_row_of(Upload)
    assert client.post("/uploads/resumable/", headers=BEGIN).status_code == 503
    assert files_in(storage) == []
