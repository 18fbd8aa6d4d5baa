"""A clip comes in, or is turned away with a sentence; nothing is left of what is turned away."""

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


def test_the_first_page_is_a_form(client: FlaskClient) -> None:
    answer = client.get("/", headers=PAGE)
    assert answer.status_code == 200
    assert 'enctype="multipart/form-data"' in answer.text
    assert "100\N{NO-BREAK SPACE}MB" in answer.text


def test_a_program_gets_the_uploads_facts(client: FlaskClient, clip: Path) -> None:
    answer = client.post("/uploads/", **form(clip))
    assert answer.status_code == 201
    body = answer.get_json()
    assert body["url"] == f"/uploads/{body['upload_id']}/"
    assert body["info"]["codec"] == "h264"
    assert body["info"]["duration_s"] == pytest.approx(8, abs=0.1)


def test_a_browser_is_sent_to_the_studio(client: FlaskClient, clip: Path) -> None:
    answer = client.post("/uploads/", **form(clip), headers=PAGE)
    assert answer.status_code == 303
    studio = client.get(answer.location, headers=PAGE)
    assert studio.status_code == 200
    assert "Choose your six seconds" in studio.text


def test_htmx_is_sent_to_the_studio(client: FlaskClient, clip: Path) -> None:
    answer = client.post("/uploads/", **form(clip), headers=FRAGMENT)
    assert answer.status_code == 204
    assert answer.headers["HX-Redirect"].startswith("/uploads/")


def test_one_copy_of_the_upload_is_kept_byte_for_byte(upload: str, storage: Storage, clip: Path) -> None:
    assert files_in(storage) == [str(storage.upload_path(upload))]
    assert storage.upload_path(upload).read_bytes() == clip.read_bytes()


def test_the_studio_plays_the_upload_in_parts(client: FlaskClient, upload: str, clip: Path) -> None:
    answer = client.get(f"/uploads/{upload}/video", headers={"Range": "bytes=100-199"})
    assert answer.status_code == 206
    assert answer.data == clip.read_bytes()[100:200]
    assert answer.content_type == "video/mp4"
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_the_studio_keeps_the_start_from_the_address(client: FlaskClient, upload: str) -> None:
    page = client.get(f"/uploads/{upload}/?start_time=00:00:01.500", headers=PAGE)
    assert 'value="00:00:01.500"' in page.text


def test_the_studio_keeps_every_option_from_the_address(client: FlaskClient, upload: str) -> None:
    chosen = (
        "framing=blur&loop=boomerang&quality=best&size=1920x1080&short=repeat&speed=1.5&max_mb=9&reverse=yes"
    )
    page = client.get(f"/uploads/{upload}/?{chosen}", headers=PAGE).text
    for value in ("1920x1080", "repeat"):
        assert f'<option value="{value}" selected>' in page
    for name, value in {"framing": "blur", "loop": "boomerang", "quality": "best"}.items():
        assert f'name="{name}" value="{value}" checked' in page
    assert 'name="speed" value="1.5"' in page
    assert 'name="max_mb" value="9"' in page
    assert " checked>Backwards" in page
    assert "<details open>" in page
    plain = client.get(f"/uploads/{upload}/", headers=PAGE).text
    assert " checked>Backwards" not in plain
    assert 'name="quality" value="balanced" checked' in plain
    assert "<details open>" not in plain


def test_options_survive_an_error(client: FlaskClient, upload: str) -> None:
    sent = {"start_time": "1", "loop": "crossfade", "speed": "<5>"}
    page = client.post(f"/uploads/{upload}/jobs/", data=sent, headers=PAGE)
    assert page.status_code == 422
    assert "speed must be a number between 0.5 and 2." in page.text
    assert 'name="loop" value="crossfade" checked' in page.text
    assert 'name="speed" value="&lt;5&gt;"' in page.text


def test_a_wrong_start_shows_the_studio_again_with_the_reason(client: FlaskClient, upload: str) -> None:
    wrong = {"start_time": "1:00:00"}
    page = client.post(f"/uploads/{upload}/jobs/", data=wrong, headers=PAGE)
    assert page.status_code == 422
    assert "Choose your six seconds" in page.text
    assert "00:00:08" in page.text
    fragment = client.post(f"/uploads/{upload}/jobs/", data=wrong, headers=FRAGMENT)
    assert fragment.status_code == 422
    assert fragment.text.lstrip().startswith("<div")
    assert Job.select().count() == 0


def test_addresses_are_answered_without_their_last_slash(client: FlaskClient, upload: str) -> None:
    assert client.get(f"/uploads/{upload}", headers=PAGE).status_code == 200
    assert client.get("/health").status_code == 200


TEXT = b"This is only a text, whatever it is called.\n" * 10
PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"


@pytest.mark.parametrize(
    ("video", "status", "code", "words"),
    [
        (None, 400, "missing_video", "“video”"),
        (b"", 400, "missing_video", "empty"),
        (TEXT, 415, "not_a_video", "not a video"),
        (PLAYLIST, 415, "not_a_video", "not a video"),
        (b"\x00" * 100_000, 415, "not_a_video", "not a video"),
    ],
    ids=["nothing", "empty", "text", "playlist", "zeros"],
)
def test_what_is_no_video_is_refused(
    convert: PostForm, storage: Storage, video: bytes | None, status: int, code: str, words: str
) -> None:
    answer = convert(video)
    assert answer.status_code == status
    error = answer.get_json()["error"]
    assert error["code"] == code
    assert words in error["message"]
    assert files_in(storage) == []
    assert Upload.select().count() == Job.select().count() == 0


def test_sound_alone_is_refused(convert: PostForm, storage: Storage, tmp_path: Path) -> None:
    answer = convert(clips.make_audio(tmp_path / "sound.mp4"))
    assert answer.status_code == 415
    assert "sound" in answer.get_json()["error"]["message"]
    assert files_in(storage) == []


def test_a_file_cut_off_before_its_index_is_refused(convert: PostForm, storage: Storage, clip: Path) -> None:
    answer = convert(clip.read_bytes()[: clip.stat().st_size // 2])
    assert answer.status_code == 415
    assert files_in(storage) == []


def test_a_file_in_another_field_is_not_taken(client: FlaskClient, storage: Storage, clip: Path) -> None:
    answer = client.post("/convert/", **form(clip, field="file"))
    assert answer.status_code == 400
    assert "video" in answer.get_json()["error"]["message"]
    assert files_in(storage) == []


@pytest.mark.parametrize(
    ("options", "words"),
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
def test_wrong_options_are_named(
    convert: PostForm, storage: Storage, options: dict[str, str], words: str
) -> None:
    answer = convert(**options)
    assert answer.status_code == 422
    assert answer.get_json()["error"]["code"] == "bad_options"
    assert words in answer.get_json()["error"]["message"]
    assert files_in(storage) == []
    assert Upload.select().count() == Job.select().count() == 0


def test_a_monstrous_file_name_changes_nothing(client: FlaskClient, storage: Storage, clip: Path) -> None:
    name = ("../../\"'\r\n <script>" * 600)[:10_240].encode()
    head = b'--x\r\nContent-Disposition: form-data; name="video"; filename="' + name + b'"\r\n\r\n'
    body = head + clip.read_bytes() + b"\r\n--x--\r\n"
    answer = client.post("/uploads/", data=body, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 201
    assert "script" not in answer.text + "".join(files_in(storage))
    assert len(files_in(storage)) == Upload.select().count()


def test_a_form_of_a_thousand_files_is_refused_and_leaves_nothing(
    client: FlaskClient, storage: Storage
) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\n\r\nabc\r\n'
    body = part * 1000 + b"--x--\r\n"
    answer = client.post("/uploads/", data=body, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 400
    assert "more in it than ours" in answer.get_json()["error"]["message"]
    assert files_in(storage) == []


def test_an_unreadable_form_is_refused_and_leaves_nothing(client: FlaskClient, storage: Storage) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\n\r\nabc'
    answer = client.post("/convert/", data=body, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 400
    assert files_in(storage) == []


@pytest.fixture
def small_client(tmp_path: Path) -> FlaskClient:
    """A service that takes one megabyte at most."""
    app: Flask = create_app(Settings(instance=tmp_path / "small", inline=True, max_upload_mb=1))
    return app.test_client()


@pytest.mark.parametrize("size_bytes", [1_000_001, 1_900_000, 2_500_000])
def test_a_large_file_gets_our_own_413(small_client: FlaskClient, tmp_path: Path, size_bytes: int) -> None:
    answer = small_client.post("/convert/", **form(bytes(size_bytes)))
    assert answer.status_code == 413
    assert answer.get_json() == {
        "error": {
            "code": "too_large",
            "message": "The file is larger than 1 MB. Cut it shorter or choose a smaller one.",
        }
    }
    assert files_in(Storage(tmp_path / "small")) == []
    database.close()


def test_a_large_file_shows_the_form_again(small_client: FlaskClient) -> None:
    answer = small_client.post("/uploads/", **form(bytes(2_500_000)), headers=PAGE)
    assert answer.status_code == 413
    assert "larger than 1 MB" in answer.text
    assert "<form" in answer.text
    database.close()
