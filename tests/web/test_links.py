"""Links: who holds one gets the file, as often and as long as it says."""

import io
import shutil
import time
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from PIL import Image

from chromi.config import signing_keys
from chromi.encoder import Recipe, Result, convert
from chromi.models import Job, Link, database
from chromi.storage import Storage
from chromi.tokens import MAX_AGE_S, TokenSigner
from chromi.web import links
from tests.waiting import wait_for
from tests.web.conftest import FRAGMENT, PAGE


@pytest.fixture(scope="module")
def made(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """One GIF of one second, as the encoder makes it."""
    folder = tmp_path_factory.mktemp("made")
    recipe = Recipe(duration_s=1.0)
    return folder / "made.gif", convert(clip, folder / "made.gif", recipe, work_dir=folder / "work")


@pytest.fixture
def job(client: FlaskClient, storage: Storage, made: tuple[Path, Result]) -> Job:
    """A finished job with its own link, as a worker leaves it."""
    gif_path, result = made
    job = Job.create(recipe_json=Recipe(duration_s=1.0).to_dict())
    shutil.copy(gif_path, storage.result_path(job.id))
    running = Job.claim(job.id, "worker-1")
    assert running
    assert running.succeed(result)
    Link.create(job=job, expires_at=time.time() + 3600, shared=False)
    return Job.find(job.id)


@pytest.fixture
def gif(job: Job, storage: Storage) -> bytes:
    return storage.result_path(job.id).read_bytes()


@pytest.fixture
def own_url(client: FlaskClient, job: Job) -> str:
    url: str = client.get(f"/jobs/{job.id}/").get_json()["converted_url"]
    return url


@pytest.fixture
def one_time_url(client: FlaskClient, job: Job) -> str:
    answer = client.post(f"/jobs/{job.id}/links/", data={"expires": "1h", "one_time": "on"})
    assert answer.status_code == 201
    url: str = answer.get_json()["url"]
    return url.removeprefix("http://localhost")


def one_time_uses() -> int:
    with database.connection_context():
        return int(Link.get(Link.max_uses == 1).uses)


def deliveries_have_ended() -> bool:
    with database.connection_context():
        return not Link.select().where(Link.delivering > 0).exists()


def test_a_download_is_the_file_as_an_attachment(client: FlaskClient, own_url: str, gif: bytes) -> None:
    answer = client.get(own_url)
    assert answer.status_code == 200
    assert answer.data == gif
    assert answer.content_type == "image/gif"
    assert answer.headers["Content-Disposition"] == "attachment; filename=chromi_background.gif"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["ETag"]


def test_head_tells_all_but_sends_nothing(client: FlaskClient, own_url: str, gif: bytes) -> None:
    answer = client.head(own_url)
    assert answer.status_code == 200
    assert answer.content_length == len(gif)
    assert answer.data == b""


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("bytes=0-99", 0, 100), ("bytes=100-", 100, None), ("bytes=-50", -50, None)],
)
def test_a_range_is_sent_alone(
    client: FlaskClient, own_url: str, gif: bytes, asked: str, start: int, stop: int | None
) -> None:
    answer = client.get(own_url, headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.data == gif[start:stop]
    assert answer.content_length == len(answer.data)


def test_a_range_beyond_the_end_cannot_be_had(client: FlaskClient, own_url: str, gif: bytes) -> None:
    answer = client.get(own_url, headers={"Range": f"bytes={len(gif)}-"})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{len(gif)}"
    assert answer.get_json()["error"]["code"] == "requested_range_not_satisfiable"


def test_a_resume_of_another_version_starts_again(client: FlaskClient, own_url: str, gif: bytes) -> None:
    answer = client.get(own_url, headers={"Range": "bytes=100-", "If-Range": '"another"'})
    assert answer.status_code == 200
    assert answer.data == gif


def test_an_unchanged_file_is_not_sent_again(client: FlaskClient, own_url: str) -> None:
    etag = client.head(own_url).headers["ETag"]
    assert client.get(own_url, headers={"If-None-Match": etag}).status_code == 304


def test_a_one_time_link_works_once(client: FlaskClient, one_time_url: str, gif: bytes) -> None:
    first = client.get(one_time_url)
    assert first.data == gif
    assert "no-store" in first.headers["Cache-Control"]
    first.close()
    wait_for(lambda: one_time_uses() == 1, "the use to be counted")
    second = client.get(one_time_url)
    assert second.status_code == 410
    assert second.get_json()["error"]["code"] == "link_used_up"
    page = client.get(one_time_url, headers=PAGE)
    assert page.status_code == 410
    assert "This link has been used" in page.text


def test_looking_does_not_use_a_one_time_link_up(client: FlaskClient, one_time_url: str, gif: bytes) -> None:
    client.head(one_time_url).close()
    page = client.get(one_time_url, headers=PAGE)
    assert "one download" in page.text
    preview = client.get(one_time_url, headers={"User-Agent": "Slackbot-LinkExpanding 1.0", "Accept": "*/*"})
    assert preview.content_type.startswith("text/html")
    client.get(one_time_url, headers={"Range": "bytes=0-99"}).close()
    wait_for(deliveries_have_ended, "the range to end")
    assert one_time_uses() == 0
    assert client.get(one_time_url).data == gif


def test_the_receiver_sees_a_still_that_uses_nothing_up(client: FlaskClient, one_time_url: str) -> None:
    page = client.get(one_time_url, headers=PAGE).text
    assert f'src="{one_time_url}still.jpg"' in page
    answer = client.get(f"{one_time_url}still.jpg")
    with Image.open(io.BytesIO(answer.data)) as image:
        assert (image.format, image.size) == ("JPEG", (1280, 720))
    assert one_time_uses() == 0


def test_a_cut_download_can_be_resumed_and_then_counts(
    client: FlaskClient, one_time_url: str, gif: bytes
) -> None:
    cut = client.get(one_time_url, buffered=False)
    start = next(cut.iter_encoded())
    cut.close()
    wait_for(deliveries_have_ended, "the cut download to end")
    assert one_time_uses() == 0
    rest = client.get(one_time_url, headers={"Range": f"bytes={len(start)}-"})
    assert start + rest.data == gif
    rest.close()
    wait_for(lambda: one_time_uses() == 1, "the resumed download to be counted")


def test_of_two_downloads_at_once_one_wins(client: FlaskClient, one_time_url: str) -> None:
    first = client.get(one_time_url, buffered=False)
    assert client.get(one_time_url).status_code == 409
    first.close()


def test_the_receivers_button_gives_a_browser_the_file(
    client: FlaskClient, one_time_url: str, gif: bytes
) -> None:
    page = client.get(one_time_url, headers=PAGE).text
    assert f"{one_time_url}?file=1" in page
    assert client.get(f"{one_time_url}?file=1", headers=PAGE).data == gif


def test_the_file_goes_with_the_last_use_of_the_last_link(
    client: FlaskClient, job: Job, one_time_url: str, storage: Storage
) -> None:
    Link.delete().where(~Link.shared).execute()
    client.get(one_time_url).close()
    wait_for(lambda: not storage.result_path(job.id).exists(), "the result to go")
    assert client.get(one_time_url).status_code == 410


def test_an_expired_link_is_gone(client: FlaskClient, own_url: str) -> None:
    Link.update(expires_at=time.time() - 1).execute()
    answer = client.get(own_url)
    assert answer.status_code == 410
    assert answer.get_json()["error"]["code"] == "link_expired"


def test_a_swept_link_is_gone_too(client: FlaskClient, own_url: str) -> None:
    Link.delete().execute()
    assert client.get(own_url).status_code == 410


def test_a_tampered_token_is_not_found(client: FlaskClient, own_url: str) -> None:
    token = own_url.split("/")[2]
    for wrong in ("x" + token[1:], token[:-6], token + token):
        answer = client.get(f"/download/{wrong}/")
        assert answer.status_code == 404
    assert "Nothing is here" in client.get("/download/nonsense/", headers=PAGE).text


def test_another_services_token_is_not_found(client: FlaskClient, job: Job, tmp_path: Path) -> None:
    link = Link.get()
    token = TokenSigner(["another key, long enough"]).sign_download(link.id, link.created_at)
    assert client.get(f"/download/{token}/").status_code == 404


def test_the_token_does_not_carry_the_count(client: FlaskClient, one_time_url: str) -> None:
    """Tokens are malleable: base64 padding makes another text of the same token."""
    client.get(one_time_url).close()
    wait_for(lambda: one_time_uses() == 1, "the use to be counted")
    assert client.get(one_time_url.removesuffix("/") + "=/").status_code == 410


@pytest.mark.parametrize(("choice", "seconds"), links.EXPIRY_CHOICES_S.items())
def test_a_share_link_lives_as_long_as_chosen(
    client: FlaskClient, job: Job, choice: str, seconds: int
) -> None:
    client.post(f"/jobs/{job.id}/links/", data={"expires": choice})
    link = Link.get(Link.shared)
    assert link.expires_at == pytest.approx(time.time() + seconds, abs=5)
    own = Link.get(~Link.shared)
    assert own.expires_at >= link.expires_at, "the page lives as long as the longest link"


@pytest.mark.parametrize(
    ("options", "named"), [({"one_time": "yes"}, "one_time"), ({"expires": "forever"}, "expires")]
)
def test_an_option_that_is_not_understood_makes_no_link(
    client: FlaskClient, job: Job, options: dict[str, str], named: str
) -> None:
    answer = client.post(f"/jobs/{job.id}/links/", data=options)
    assert answer.status_code == 422
    assert named in answer.get_json()["error"]["message"]
    assert not Link.select().where(Link.shared).exists()


def test_an_expired_result_gets_no_new_link(client: FlaskClient, job: Job) -> None:
    Link.update(expires_at=1).execute()
    assert client.post(f"/jobs/{job.id}/links/", data={"expires": "7d"}).status_code == 410
    assert Link.select().count() == 1


def test_sharing_again_and_again_does_not_outlive_the_pages_token(client: FlaskClient, job: Job) -> None:
    created_at = time.time() - MAX_AGE_S + 3600
    Link.update(created_at=created_at).execute()
    client.post(f"/jobs/{job.id}/links/", data={"expires": "7d"})
    assert Link.get(~Link.shared).expires_at == pytest.approx(created_at + MAX_AGE_S)


def test_a_download_tells_nothing_of_the_job(client: FlaskClient, job: Job, one_time_url: str) -> None:
    for answer in (client.head(one_time_url), client.get(one_time_url, headers=PAGE)):
        told = str(answer.headers) + answer.text
        assert job.id not in told
        assert all(link.id not in told for link in Link.select())


def test_a_missing_file_does_not_hold_the_link(
    client: FlaskClient, job: Job, one_time_url: str, storage: Storage, gif: bytes
) -> None:
    storage.result_path(job.id).unlink()
    assert client.get(one_time_url).status_code == 410
    storage.result_path(job.id).write_bytes(gif)
    assert client.get(one_time_url).status_code == 200


def test_a_one_time_link_gives_no_pieces_out_of_order(
    client: FlaskClient, one_time_url: str, gif: bytes
) -> None:
    answer = client.get(one_time_url, headers={"Range": "bytes=-1"})
    assert (answer.status_code, answer.data) == (200, gif)


def test_the_button_works_whatever_the_browser_is_called(
    client: FlaskClient, one_time_url: str, gif: bytes
) -> None:
    agent = {"User-Agent": "Mozilla/5.0 (Linux; Android 10; CUBOT X30)"}
    assert client.get(f"{one_time_url}?file=1", headers=PAGE | agent).data == gif


def test_a_share_link_needs_a_finished_job(client: FlaskClient, job: Job) -> None:
    Job.update(state="queued").execute()
    assert client.post(f"/jobs/{job.id}/links/", data={"expires": "1h"}).status_code == 409


def test_htmx_gets_the_list_of_links(client: FlaskClient, job: Job) -> None:
    answer = client.post(f"/jobs/{job.id}/links/", data={"expires": "1h"}, headers=FRAGMENT)
    assert answer.status_code == 200
    assert answer.text.lstrip().startswith('<div id="links"')
    assert "http://localhost/download/" in answer.text


def test_a_link_survives_the_rotation_of_keys(client: FlaskClient, own_url: str, settings: object) -> None:
    [key] = signing_keys(settings)  # type: ignore[arg-type]
    signer = TokenSigner([key, "the new key, long enough"])
    assert signer.verify_download(own_url.split("/")[2])
