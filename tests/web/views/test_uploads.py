"""Uploads are stored and lead to the studio; rejected files get an error and leave nothing."""

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from chromi import create_app
from chromi.config import Settings
from chromi.db import Job, Upload, database
from chromi.storage import Storage
from tests.support import clips
from tests.support.http_forms import FRAGMENT, PAGE, PostForm, files_in, form

pytestmark = pytest.mark.slow


def test_start_page_has_an_upload_form(client: FlaskClient) -> None:
    response = client.get("/", headers=PAGE)
    assert response.status_code == 200
    assert 'enctype="multipart/form-data"' in response.text
    assert "100\N{NO-BREAK SPACE}MB" in response.text


def test_program_gets_the_video_info(client: FlaskClient, clip: Path) -> None:
    response = client.post("/uploads/", **form(clip))
    assert response.status_code == 201
    body = response.get_json()
    assert body["url"] == f"/uploads/{body['upload_id']}/"
    assert body["info"]["codec"] == "h264"
    assert body["info"]["duration_s"] == pytest.approx(8, abs=0.1)


def test_browser_is_redirected_to_the_studio(client: FlaskClient, clip: Path) -> None:
    response = client.post("/uploads/", **form(clip), headers=PAGE)
    assert response.status_code == 303
    studio = client.get(response.location, headers=PAGE)
    assert studio.status_code == 200
    assert "Choose your six seconds" in studio.text


def test_htmx_is_redirected_to_the_studio(client: FlaskClient, clip: Path) -> None:
    response = client.post("/uploads/", **form(clip), headers=FRAGMENT)
    assert response.status_code == 204
    assert response.headers["HX-Redirect"].startswith("/uploads/")


def test_upload_is_stored_once_byte_for_byte(upload: str, storage: Storage, plain_clip: Path) -> None:
    assert files_in(storage) == [str(storage.upload_path(upload))]
    assert storage.upload_path(upload).read_bytes() == plain_clip.read_bytes()


def test_video_supports_ranges(client: FlaskClient, upload: str, plain_clip: Path) -> None:
    response = client.get(f"/uploads/{upload}/video", headers={"Range": "bytes=100-199"})
    assert response.status_code == 206
    assert response.data == plain_clip.read_bytes()[100:200]
    assert response.content_type == "video/mp4"
    assert "sandbox" in response.headers["Content-Security-Policy"]


def test_studio_uses_the_start_from_the_query_string(client: FlaskClient, upload: str) -> None:
    page = client.get(f"/uploads/{upload}/?start_time=00:00:01.500", headers=PAGE)
    assert 'value="00:00:01.500"' in page.text


def test_studio_selects_an_option_of_each_kind_for_any_query_string(client: FlaskClient, upload: str) -> None:
    query = "quality=Best&loop=BOOMERANG&framing=stretch&focus=0.3&pad=%23ABCDEF&speed=fast&max_mb=abc"
    page = client.get(f"/uploads/{upload}/?{query}", headers=PAGE).text
    for name, value in {"quality": "best", "loop": "boomerang", "framing": "fill"}.items():
        assert f'name="{name}" value="{value}" checked' in page
    for name, value in {"focus": "0.5,0.5", "pad": "#abcdef", "speed": "1", "max_mb": ""}.items():
        assert f'name="{name}" value="{value}"' in page


def test_studio_uses_every_option_from_the_query_string(client: FlaskClient, upload: str) -> None:
    query = (
        "framing=blur&loop=boomerang&quality=best&size=1920x1080&short=repeat&speed=1.5&max_mb=9&reverse=yes"
    )
    page = client.get(f"/uploads/{upload}/?{query}", headers=PAGE).text
    for value in ("1920x1080", "repeat"):
        assert f'<option value="{value}" selected>' in page
    for name, value in {"framing": "blur", "loop": "boomerang", "quality": "best"}.items():
        assert f'name="{name}" value="{value}" checked' in page
    assert 'name="speed" value="1.5"' in page
    assert 'name="max_mb" value="9"' in page
    assert " checked>Reverse" in page
    assert "<details open>" in page
    plain = client.get(f"/uploads/{upload}/", headers=PAGE).text
    assert " checked>Reverse" not in plain
    assert 'name="quality" value="balanced" checked' in plain
    assert "<details open>" not in plain


def test_studio_keeps_the_options_after_an_error(client: FlaskClient, upload: str) -> None:
    sent = {"start_time": "1", "loop": "crossfade", "speed": "<5>"}
    page = client.post(f"/uploads/{upload}/jobs/", data=sent, headers=PAGE)
    assert page.status_code == 422
    assert "speed must be a number between 0.5 and 2." in page.text
    assert 'name="loop" value="crossfade" checked' in page.text
    assert 'name="speed" value="&lt;5&gt;"' in page.text


def test_invalid_start_shows_the_studio_with_an_error(client: FlaskClient, upload: str) -> None:
    wrong = {"start_time": "1:00:00"}
    page = client.post(f"/uploads/{upload}/jobs/", data=wrong, headers=PAGE)
    assert page.status_code == 422
    assert "Choose your six seconds" in page.text
    assert "00:00:08" in page.text
    fragment = client.post(f"/uploads/{upload}/jobs/", data=wrong, headers=FRAGMENT)
    assert fragment.status_code == 422
    assert fragment.text.lstrip().startswith("<div")
    assert Job.select().count() == 0


def test_urls_work_without_trailing_slash(client: FlaskClient, upload: str) -> None:
    assert client.get(f"/uploads/{upload}", headers=PAGE).status_code == 200
    assert client.get("/health").status_code == 200


TEXT = b"This is only text, with the name of a video.\n" * 10
PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"


@pytest.mark.parametrize(
    ("video", "status", "code", "text"),
    [
        (None, 400, "missing_video", "“video”"),
        (b"", 400, "missing_video", "empty"),
        (TEXT, 415, "not_a_video", "read this file as a video"),
        (PLAYLIST, 415, "not_a_video", "read this file as a video"),
        (b"\x00" * 100_000, 415, "not_a_video", "read this file as a video"),
    ],
    ids=["no file", "empty", "text", "playlist", "zeros"],
)
def test_non_video_file_is_rejected(
    convert: PostForm, storage: Storage, video: bytes | None, status: int, code: str, text: str
) -> None:
    response = convert(video)
    assert response.status_code == status
    error = response.get_json()["error"]
    assert error["code"] == code
    assert text in error["message"]
    assert files_in(storage) == []
    assert Upload.select().count() == Job.select().count() == 0


def test_audio_file_is_rejected(convert: PostForm, storage: Storage, tmp_path: Path) -> None:
    response = convert(clips.make_audio(tmp_path / "sound.mp4"))
    assert response.status_code == 415
    assert "only audio" in response.get_json()["error"]["message"]
    assert files_in(storage) == []


def test_truncated_file_is_rejected(convert: PostForm, storage: Storage, clip: Path) -> None:
    response = convert(clip.read_bytes()[: clip.stat().st_size // 2])
    assert response.status_code == 415
    assert files_in(storage) == []


def test_file_in_another_field_is_rejected(client: FlaskClient, storage: Storage, clip: Path) -> None:
    response = client.post("/convert/", **form(clip, field="file"))
    assert response.status_code == 400
    assert "video" in response.get_json()["error"]["message"]
    assert files_in(storage) == []


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"start_time": "00:01:00"}, "00:00:08"),
        ({"start_time": "-1"}, "tart_time"),
        ({"start_time": "NaN"}, "tart_time"),
        ({"duration": "inf"}, "uration"),
        ({"duration": "0"}, "uration"),
        ({"duration": "11"}, "uration"),
        ({"duration": "١"}, "uration"),
        ({"start_time": "soon", "duration": "long"}, "duration"),
    ],
)
def test_error_names_invalid_option(
    convert: PostForm, storage: Storage, options: dict[str, str], text: str
) -> None:
    response = convert(**options)
    assert response.status_code == 422
    assert response.get_json()["error"]["code"] == "bad_options"
    assert text in response.get_json()["error"]["message"]
    assert files_in(storage) == []
    assert Upload.select().count() == Job.select().count() == 0


def test_malicious_file_name_is_ignored(client: FlaskClient, storage: Storage, clip: Path) -> None:
    name = ("../../\"'\r\n <script>" * 600)[:10_240].encode()
    head = b'--x\r\nContent-Disposition: form-data; name="video"; filename="' + name + b'"\r\n\r\n'
    body = head + clip.read_bytes() + b"\r\n--x--\r\n"
    response = client.post("/uploads/", data=body, content_type="multipart/form-data; boundary=x")
    assert response.status_code == 201
    assert "script" not in response.text + "".join(files_in(storage))
    assert len(files_in(storage)) == Upload.select().count()


def test_form_with_a_thousand_files_is_rejected_and_removed(client: FlaskClient, storage: Storage) -> None:
    field = b'--x\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\n\r\nabc\r\n'
    body = field * 1000 + b"--x--\r\n"
    response = client.post("/uploads/", data=body, content_type="multipart/form-data; boundary=x")
    assert response.status_code == 400
    assert "too much data" in response.get_json()["error"]["message"]
    assert files_in(storage) == []


def test_truncated_form_is_rejected_and_removed(client: FlaskClient, storage: Storage) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\n\r\nabc'
    response = client.post("/convert/", data=body, content_type="multipart/form-data; boundary=x")
    assert response.status_code == 400
    assert files_in(storage) == []


@pytest.fixture
def small_client(tmp_path: Path) -> FlaskClient:
    """A client of a service that accepts at most one megabyte."""
    app: Flask = create_app(Settings(instance=tmp_path / "small", inline=True, max_upload_mb=1))
    return app.test_client()


@pytest.mark.parametrize("size_bytes", [1_000_001, 1_900_000, 2_500_000])
def test_too_large_file_gets_413_as_json(small_client: FlaskClient, tmp_path: Path, size_bytes: int) -> None:
    response = small_client.post("/convert/", **form(bytes(size_bytes)))
    assert response.status_code == 413
    assert response.get_json() == {
        "error": {
            "code": "too_large",
            "message": "The file is larger than 1 MB. Shorten or compress it, then try again.",
        }
    }
    assert files_in(Storage(tmp_path / "small")) == []
    database.close()


def test_too_large_file_shows_the_form_with_an_error(small_client: FlaskClient) -> None:
    response = small_client.post("/uploads/", **form(bytes(2_500_000)), headers=PAGE)
    assert response.status_code == 413
    assert "larger than 1 MB" in response.text
    assert "<form" in response.text
    database.close()
