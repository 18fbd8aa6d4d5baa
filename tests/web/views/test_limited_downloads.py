"""A link with limited downloads counts each complete download once, also for concurrent requests."""

import pytest
from flask.testing import FlaskClient

from chromi.db import Job, Link
from chromi.storage import Storage
from tests.support.download_counts import downloads_have_ended, one_time_uses
from tests.support.http_forms import PAGE
from tests.support.waiting import wait_for

pytestmark = pytest.mark.slow


@pytest.fixture
def three_times_url(client: FlaskClient, job: Job) -> str:
    """The URL path of a link with three uses."""
    url: str = client.post(f"/jobs/{job.id}/links/", data={"max_uses": "3"}).get_json()["url"]
    return url.removeprefix("http://localhost")


def wait_for_uses(uses: int) -> None:
    """Wait until this many uses of the link with three uses are counted."""
    wait_for(lambda: Link.get(Link.max_uses == 3).uses == uses, f"{uses} uses to be counted")


# -- one use -------------------------------------------------------------------------------------------------


def test_one_time_link_works_once(client: FlaskClient, one_time_url: str, gif: bytes) -> None:
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
    assert "No downloads left" in page.text


def test_head_page_link_preview_and_range_do_not_count_as_downloads(
    client: FlaskClient, one_time_url: str, gif: bytes
) -> None:
    client.head(one_time_url).close()
    page = client.get(one_time_url, headers=PAGE)
    assert "One download left" in page.text
    preview = client.get(one_time_url, headers={"User-Agent": "Slackbot-LinkExpanding 1.0", "Accept": "*/*"})
    assert preview.content_type.startswith("text/html")
    client.get(one_time_url, headers={"Range": "bytes=0-99"}).close()
    wait_for(downloads_have_ended, "the range to end")
    assert one_time_uses() == 0
    assert client.get(one_time_url).data == gif


def test_interrupted_download_can_be_resumed_and_then_counts(
    client: FlaskClient, one_time_url: str, gif: bytes
) -> None:
    interrupted = client.get(one_time_url, buffered=False)
    start = next(interrupted.iter_encoded())
    interrupted.close()
    wait_for(downloads_have_ended, "the interrupted download to end")
    assert one_time_uses() == 0
    rest = client.get(one_time_url, headers={"Range": f"bytes={len(start)}-"})
    assert start + rest.data == gif
    rest.close()
    wait_for(lambda: one_time_uses() == 1, "the resumed download to be counted")


def test_second_concurrent_download_of_a_one_time_link_is_rejected(
    client: FlaskClient, one_time_url: str
) -> None:
    first = client.get(one_time_url, buffered=False)
    assert client.get(one_time_url).status_code == 409
    first.close()


def test_range_at_the_end_of_a_one_time_link_gets_the_whole_file(
    client: FlaskClient, one_time_url: str, gif: bytes
) -> None:
    response = client.get(one_time_url, headers={"Range": "bytes=-1"})
    assert (response.status_code, response.data) == (200, gif)


def test_file_is_removed_after_the_last_use_of_the_last_link(
    client: FlaskClient, job: Job, one_time_url: str, storage: Storage
) -> None:
    Link.delete().where(~Link.shared).execute()
    client.get(one_time_url).close()
    wait_for(lambda: not storage.result_path(job.id).exists(), "the result to be removed")
    assert client.get(one_time_url).status_code == 410


# -- several uses --------------------------------------------------------------------------------------------


def test_link_allows_the_chosen_number_of_downloads(
    client: FlaskClient, three_times_url: str, gif: bytes
) -> None:
    for uses in (1, 2, 3):
        assert client.get(three_times_url).data == gif
        wait_for_uses(uses)
        client.head(three_times_url)
    response = client.get(three_times_url)
    assert response.status_code == 410
    assert response.get_json()["error"]["code"] == "link_used_up"


def test_concurrent_downloads_do_not_exceed_the_uses(client: FlaskClient, three_times_url: str) -> None:
    running = [client.get(three_times_url, buffered=False) for _ in range(4)]
    assert [response.status_code for response in running] == [200, 200, 200, 409]
    assert "Please try again" in running[3].get_json()["error"]["message"]
    for response in running[:3]:
        assert response.data
        response.close()
    wait_for_uses(3)


def test_page_shows_the_remaining_downloads(client: FlaskClient, three_times_url: str) -> None:
    assert "3 downloads left" in client.get(three_times_url, headers=PAGE).text
    Link.update(uses=2).where(Link.max_uses == 3).execute()
    assert "One download left" in client.get(three_times_url, headers=PAGE).text
