"""A link returns the file, with ranges and validators; browsers get a page with a preview."""

import io

import pytest
from flask.testing import FlaskClient
from PIL import Image

from chromi.db import Job, Link
from chromi.storage import Storage
from tests.support.download_counts import one_time_uses
from tests.support.http_forms import PAGE

pytestmark = pytest.mark.slow

# -- the file ------------------------------------------------------------------------------------------------


def test_download_is_an_attachment(client: FlaskClient, own_url: str, gif: bytes) -> None:
    response = client.get(own_url)
    assert response.status_code == 200
    assert response.data == gif
    assert response.content_type == "image/gif"
    assert response.headers["Content-Disposition"] == "attachment; filename=chromi_background.gif"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["ETag"]


def test_head_has_the_length_and_no_body(client: FlaskClient, own_url: str, gif: bytes) -> None:
    response = client.head(own_url)
    assert response.status_code == 200
    assert response.content_length == len(gif)
    assert response.data == b""


@pytest.mark.parametrize(
    ("requested", "start", "stop"),
    [("bytes=0-99", 0, 100), ("bytes=100-", 100, None), ("bytes=-50", -50, None)],
)
def test_range_gets_206_with_its_bytes(
    client: FlaskClient, own_url: str, gif: bytes, requested: str, start: int, stop: int | None
) -> None:
    response = client.get(own_url, headers={"Range": requested})
    assert response.status_code == 206
    assert response.data == gif[start:stop]
    assert response.content_length == len(response.data)


def test_range_beyond_the_end_gets_416(client: FlaskClient, own_url: str, gif: bytes) -> None:
    response = client.get(own_url, headers={"Range": f"bytes={len(gif)}-"})
    assert response.status_code == 416
    assert response.headers["Content-Range"] == f"bytes */{len(gif)}"
    assert response.get_json()["error"]["code"] == "requested_range_not_satisfiable"


def test_range_of_another_version_gets_the_whole_file(client: FlaskClient, own_url: str, gif: bytes) -> None:
    response = client.get(own_url, headers={"Range": "bytes=100-", "If-Range": '"another"'})
    assert response.status_code == 200
    assert response.data == gif


def test_unchanged_file_gets_304(client: FlaskClient, own_url: str) -> None:
    etag = client.head(own_url).headers["ETag"]
    assert client.get(own_url, headers={"If-None-Match": etag}).status_code == 304


def test_missing_file_gets_410_and_does_not_count_as_a_download(
    client: FlaskClient, job: Job, one_time_url: str, storage: Storage, gif: bytes
) -> None:
    storage.result_path(job.id).unlink()
    assert client.get(one_time_url).status_code == 410
    storage.result_path(job.id).write_bytes(gif)
    assert client.get(one_time_url).status_code == 200


# -- the page ------------------------------------------------------------------------------------------------


def test_page_shows_a_still_that_does_not_count_as_a_download(client: FlaskClient, one_time_url: str) -> None:
    page = client.get(one_time_url, headers=PAGE).text
    assert f'src="{one_time_url}still.jpg"' in page
    response = client.get(f"{one_time_url}still.jpg")
    with Image.open(io.BytesIO(response.data)) as image:
        assert (image.format, image.size) == ("JPEG", (1280, 720))
    assert one_time_uses() == 0


def test_link_preview_has_the_still_with_an_absolute_url(client: FlaskClient, one_time_url: str) -> None:
    page = client.get(one_time_url, headers={"User-Agent": "WhatsApp/2.23", "Accept": "*/*"}).text
    assert f'<meta property="og:image" content="http://localhost{one_time_url}still.jpg">' in page
    assert '<meta property="og:title"' in page
    assert one_time_uses() == 0


def test_button_of_the_page_gives_a_browser_the_file(client: FlaskClient, job: Job, gif: bytes) -> None:
    url = client.post(f"/jobs/{job.id}/links/").get_json()["url"]
    page = client.get(url, headers=PAGE)
    assert page.headers["Referrer-Policy"] == "no-referrer"
    file_url = f"{url}?file=1".removeprefix("http://localhost")
    assert f'href="{file_url}"' in page.text
    for agent in ("Mozilla/5.0 (Linux; Android 10; CUBOT X30)", "Slackbot-LinkExpanding 1.0"):
        assert client.get(file_url, headers=PAGE | {"User-Agent": agent}).data == gif


def test_downloads_are_not_indexed(client: FlaskClient, one_time_url: str) -> None:
    page = client.get(one_time_url, headers=PAGE)
    for response in (page, client.head(one_time_url), client.get("/download/nonsense/")):
        assert response.headers["X-Robots-Tag"] == "noindex"
        # The page's form needs an Origin. Even so, no referrer is sent to other sites.
        assert response.headers["Referrer-Policy"] == ("same-origin" if response is page else "no-referrer")


def test_download_reveals_no_id_of_job_or_link(client: FlaskClient, job: Job, one_time_url: str) -> None:
    for response in (client.head(one_time_url), client.get(one_time_url, headers=PAGE)):
        text = str(response.headers) + response.text
        assert job.id not in text
        assert all(link.id not in text for link in Link.select())
