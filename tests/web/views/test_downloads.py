"""Links: who holds one gets the file, as often and as long as it says."""

import io
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from PIL import Image

from chromi import create_app
from chromi.config import Settings, load_signing_keys
from chromi.db import Job, Link, database
from chromi.jobs.cleanup import run_cleanup
from chromi.storage import Storage, new_id
from chromi.tokens import TokenSigner
from chromi.web.presenters.link_presenter import download_url
from tests.support.flask_client import BufferedClient
from tests.support.http_forms import PAGE
from tests.support.waiting import wait_for


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
        return not Link.select().where(Link.active_downloads > 0).exists()


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


@pytest.fixture
def three_times_url(client: FlaskClient, job: Job) -> str:
    url: str = client.post(f"/jobs/{job.id}/links/", data={"max_uses": "3"}).get_json()["url"]
    return url.removeprefix("http://localhost")


def test_a_link_works_as_often_as_it_says(client: FlaskClient, three_times_url: str, gif: bytes) -> None:
    for used in (1, 2, 3):
        assert client.get(three_times_url).data == gif
        wait_for(lambda used=used: Link.get(Link.max_uses == 3).uses == used, "the use to be counted")
        client.head(three_times_url)
    answer = client.get(three_times_url)
    assert answer.status_code == 410
    assert answer.get_json()["error"]["code"] == "link_used_up"


def test_downloads_side_by_side_get_no_more_than_is_left(client: FlaskClient, three_times_url: str) -> None:
    running = [client.get(three_times_url, buffered=False) for _ in range(4)]
    assert [answer.status_code for answer in running] == [200, 200, 200, 409]
    assert "Try again" in running[3].get_json()["error"]["message"]
    for answer in running[:3]:
        assert answer.data
        answer.close()
    wait_for(lambda: Link.get(Link.max_uses == 3).uses == 3, "three uses to be counted")


def test_the_receiver_reads_how_many_downloads_are_left(client: FlaskClient, three_times_url: str) -> None:
    assert "works for 3 more downloads" in client.get(three_times_url, headers=PAGE).text
    Link.update(uses=2).where(Link.max_uses == 3).execute()
    assert "works for one download" in client.get(three_times_url, headers=PAGE).text


def test_a_link_preview_shows_the_still(client: FlaskClient, one_time_url: str) -> None:
    """The programs that draw previews want whole addresses."""
    page = client.get(one_time_url, headers={"User-Agent": "WhatsApp/2.23", "Accept": "*/*"}).text
    assert f'<meta property="og:image" content="http://localhost{one_time_url}still.jpg">' in page
    assert '<meta property="og:title"' in page
    assert one_time_uses() == 0


def test_search_engines_are_told_to_stay_away(client: FlaskClient, one_time_url: str) -> None:
    page = client.get(one_time_url, headers=PAGE)
    for answer in (page, client.head(one_time_url), client.get("/download/nonsense/")):
        assert answer.headers["X-Robots-Tag"] == "noindex"
        # The page's form needs an origin; no referrer leaves this site all the same.
        assert answer.headers["Referrer-Policy"] == ("same-origin" if answer is page else "no-referrer")


def test_a_link_that_ends_while_it_is_used_says_so(
    client: FlaskClient, one_time_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Revoked between the look at the row and the hold on a use."""
    begin = Link.begin_download

    def revoke_first(link: Link) -> bool:
        link.revoke()
        return begin(link)

    monkeypatch.setattr(Link, "begin_download", revoke_first)
    answer = client.get(one_time_url)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (410, "link_revoked")


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


def test_the_receivers_button_gives_a_browser_the_file(client: FlaskClient, job: Job, gif: bytes) -> None:
    url = client.post(f"/jobs/{job.id}/links/").get_json()["url"]
    page = client.get(url, headers=PAGE)
    assert page.headers["Referrer-Policy"] == "no-referrer"
    address = f"{url}?file=1".removeprefix("http://localhost")
    assert f'href="{address}"' in page.text
    for agent in ("Mozilla/5.0 (Linux; Android 10; CUBOT X30)", "Slackbot-LinkExpanding 1.0"):
        assert client.get(address, headers=PAGE | {"User-Agent": agent}).data == gif


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


# -- tokens that are none --------------------------------------------------------------------------------


def foreign_tokens(link: Link, key: str) -> list[str]:
    """What looks like this link's token and is none: each differs in another way."""
    good = TokenSigner([key]).sign_download(link.id, link.created_at)
    payload, stamp, signature = good.split(".")
    return [
        TokenSigner(["a key of another service"]).sign_download(link.id, link.created_at),
        str(URLSafeTimedSerializer(key, salt="chromi.grant").dumps(link.id)),
        str(URLSafeTimedSerializer(key, salt="chromi.download.other").dumps(link.id)),
        f"{payload}.{stamp}.{'A' * len(signature)}",
        f"{payload}.{stamp}.{signature[::-1]}",
        f"{payload}.{stamp}",
        f"{payload[:-2]}.{stamp}.{signature}",
        f"{payload}.{'A' * len(stamp)}.{signature}",
        "=" * 40,
        "x" * 5000,
        "%00",
    ]


def test_no_token_that_is_none_tells_more_than_another(
    client: FlaskClient, job: Job, settings: Settings
) -> None:
    """Not whether its link ever was, has ended, or what is wrong with it."""
    [key] = load_signing_keys(settings)
    ended = Link.create(job=job, expires_at=time.time() - 1)
    told = set()
    for link in (Link.get(~Link.shared), ended, Link(job=job, id=new_id(), created_at=time.time())):
        for token in foreign_tokens(link, key):
            answer = client.get(f"/download/{token}/")
            headers = sorted(pair for pair in answer.headers if pair[0] not in ("Date", "X-Request-Id"))
            told.add((answer.status_code, answer.data, str(headers)))
    assert len(told) == 1
    assert told.pop()[0] == 404


def test_the_same_token_in_other_letters_is_the_same_link(
    client: FlaskClient, own_url: str, gif: bytes
) -> None:
    """Its last letter has two bits to spare: three others stand for the same bytes, and no more."""
    token = own_url.split("/")[2]
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    answers = [client.head(f"/download/{token[:-1]}{letter}/").status_code for letter in letters]
    assert (answers.count(200), answers.count(404)) == (4, 60)
    assert client.get(f"/download/{token}==/").data == gif


def client_of(settings: Settings) -> FlaskClient:
    app = create_app(settings)
    app.test_client_class = BufferedClient
    return app.test_client()


def test_a_key_is_changed_without_ending_the_links(
    settings: Settings, job: Job, own_url: str, gif: bytes
) -> None:
    """The old key verifies, the new one signs; once the old one is removed its links are not found."""
    [old] = load_signing_keys(settings)
    new = "a new key, long enough"
    both = client_of(replace(settings, secret_key=new, old_secret_keys=(old,)))
    assert both.get(own_url).data == gif
    new_url = both.get(f"/jobs/{job.id}/").get_json()["converted_url"]
    assert new_url != own_url
    alone = client_of(replace(settings, secret_key=new))
    assert alone.get(new_url).data == gif
    refused = alone.get(own_url)
    assert (refused.status_code, refused.get_json()["error"]["code"]) == (404, "not_found")
    page = alone.get(own_url, headers=PAGE)
    assert page.status_code == 404
    assert "It may have been removed already" in page.text


# -- a clock that is set --------------------------------------------------------------------------------


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Set the clock forward by so many seconds, or back."""
    now = time.time

    def by(seconds: float) -> None:
        monkeypatch.setattr(time, "time", lambda: now() + seconds)

    return by


def test_a_clock_set_back_ends_no_link(
    client: FlaskClient, own_url: str, one_time_url: str, gif: bytes, set_clock: Callable[[float], None]
) -> None:
    set_clock(-3600)
    assert client.get(own_url).data == gif
    assert client.get(one_time_url).data == gif
    wait_for(lambda: one_time_uses() == 1, "the use to be counted")
    assert client.get(one_time_url).status_code == 410


def test_a_clock_set_forward_ends_what_has_expired_and_no_more(
    client: FlaskClient, job: Job, own_url: str, gif: bytes, set_clock: Callable[[float], None]
) -> None:
    made = client.post(f"/jobs/{job.id}/links/", data={"expires": "7d", "max_uses": "2"}).get_json()
    url = made["url"].removeprefix("http://localhost")
    begun = client.get(url, buffered=False)
    expired = Link.create(job=job, expires_at=time.time() + 3600)
    set_clock(86400)
    with client.application.test_request_context():
        assert client.get(download_url(expired)).status_code == 410
    assert b"".join(begun.iter_encoded()) == gif
    begun.close()
    wait_for(deliveries_have_ended, "the use to be let go of")
    assert Link.find(made["link_id"]).uses == 1
    assert client.get(url).data == gif


def test_a_link_that_ends_while_it_is_sent_is_sent_to_its_end(
    client: FlaskClient, job: Job, one_time_url: str, gif: bytes, settings: Settings, storage: Storage
) -> None:
    begun = client.get(one_time_url, buffered=False)
    start = next(begun.iter_encoded())
    Link.update(expires_at=time.time() - 1).execute()
    assert run_cleanup(settings, storage, set(), str).results_removed == 1
    assert not storage.result_path(job.id).exists()
    assert start + b"".join(begun.iter_encoded()) == gif
    begun.close()
    assert client.get(one_time_url).status_code == 410


def test_a_link_that_was_swept_a_moment_ago_has_ended(
    client: FlaskClient, one_time_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at the row and the hold on a use."""
    begin = Link.begin_download

    def sweep_first(link: Link) -> bool:
        Link.delete().execute()
        return begin(link)

    monkeypatch.setattr(Link, "begin_download", sweep_first)
    answer = client.get(one_time_url)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (410, "link_expired")
