"""An unfinished upload has a page and a sample of its bytes, and cannot be used for jobs yet."""

import pytest
from flask.testing import FlaskClient

from chromi.db import Job
from chromi.storage import Storage
from tests.support.http_forms import FRAGMENT, PAGE, files_in
from tests.support.tus_client import CREATION_URL, TUS, create, send_chunk, upload_id_of

pytestmark = pytest.mark.slow


def test_page_of_an_unfinished_upload_asks_for_the_same_file(client: FlaskClient, half_upload: str) -> None:
    page = client.get(f"/uploads/{upload_id_of(half_upload)}/", headers=PAGE)
    assert page.status_code == 200
    assert "Your upload isn’t finished" in page.text
    assert f'data-upload-url="{half_upload}"' in page.text


def test_studio_of_an_unfinished_upload_has_no_video_info(client: FlaskClient, half_upload: str) -> None:
    studio = client.get(f"/uploads/{upload_id_of(half_upload)}/?quality=best", headers=FRAGMENT)
    assert studio.status_code == 200
    assert "<html" not in studio.text
    assert 'data-duration-s=""' in studio.text
    assert 'id="uploading"' in studio.text
    assert 'value="best" checked' in studio.text
    body = client.get(f"/uploads/{upload_id_of(half_upload)}/").get_json()
    assert (body["info"], body["video_url"]) == (None, None)


@pytest.mark.parametrize("path", ["jobs/", "estimates/", "loops/", "previews/"])
def test_unfinished_upload_cannot_be_used(client: FlaskClient, half_upload: str, path: str) -> None:
    response = client.post(f"/uploads/{upload_id_of(half_upload)}/{path}")
    assert (response.status_code, response.get_json()["error"]["code"]) == (409, "conflict")
    for kind in ("video", "preview"):
        assert client.get(f"/uploads/{upload_id_of(half_upload)}/{kind}").status_code == 409
    assert Job.select().count() == 0


def test_sample_has_the_first_and_last_received_bytes(
    client: FlaskClient, half_upload: str, content: bytes
) -> None:
    received = content[: len(content) // 2]
    response = client.get(f"{half_upload}/sample", headers=TUS)
    assert response.data == received[:65536] + received[-65536:]
    assert (response.status_code, response.headers["Upload-Offset"]) == (200, str(len(received)))
    assert send_chunk(client, half_upload, len(received), content[len(received) :]).status_code == 204
    assert client.get(f"{half_upload}/sample", headers=TUS).data == content[:65536] + content[-65536:]


def test_sample_of_few_bytes_contains_them_twice(client: FlaskClient) -> None:
    url = create(client, 1000).location
    assert client.get(f"{url}/sample", headers=TUS).data == b""
    assert send_chunk(client, url, 0, b"abc").status_code == 204
    assert client.get(f"{url}/sample", headers=TUS).data == b"abcabc"


def test_sample_of_an_upload_whose_bytes_are_gone_is_empty(
    client: FlaskClient, half_upload: str, storage: Storage
) -> None:
    storage.partial_upload_path(upload_id_of(half_upload)).unlink()
    response = client.get(f"{half_upload}/sample", headers=TUS)
    assert (response.data, response.headers["Upload-Offset"]) == (b"", "0")
    assert files_in(storage) == [], "a request that only reads creates no file"


def test_sample_of_an_unknown_upload_is_not_found(client: FlaskClient) -> None:
    assert client.get(f"{CREATION_URL}{'0' * 32}/sample", headers=TUS).status_code == 404
