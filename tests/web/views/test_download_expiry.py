"""Expired, revoked and removed links get 410; a download that has begun is sent completely."""

import time
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from chromi.db import Job, Link
from chromi.jobs.cleanup import CleanupReport
from chromi.storage import Storage
from chromi.web.presenters.link_presenter import download_url
from tests.support.download_counts import downloads_have_ended, one_time_uses
from tests.support.waiting import wait_for

pytestmark = pytest.mark.slow

SetClock = Callable[[float], None]


def test_expired_link_is_gone(client: FlaskClient, own_url: str) -> None:
    Link.update(expires_at=time.time() - 1).execute()
    response = client.get(own_url)
    assert response.status_code == 410
    assert response.get_json()["error"]["code"] == "link_expired"


def test_link_removed_by_cleanup_is_gone(client: FlaskClient, own_url: str) -> None:
    Link.delete().execute()
    assert client.get(own_url).status_code == 410


@pytest.mark.parametrize(
    ("end_link", "code"),
    [
        (Link.revoke, "link_revoked"),
        (lambda link: Link.delete().execute(), "link_expired"),
    ],
    ids=["revoked", "removed"],
)
def test_link_that_ends_before_its_download_begins_is_gone(
    client: FlaskClient,
    one_time_url: str,
    monkeypatch: pytest.MonkeyPatch,
    end_link: Callable[[Link], object],
    code: str,
) -> None:
    """It ends between the query of its row and the reservation of a use."""
    begin = Link.begin_download

    def end_and_begin(link: Link, node: str) -> bool:
        end_link(link)
        return begin(link, node)

    monkeypatch.setattr(Link, "begin_download", end_and_begin)
    response = client.get(one_time_url)
    assert (response.status_code, response.get_json()["error"]["code"]) == (410, code)


def test_link_that_expires_during_a_download_is_sent_completely(
    client: FlaskClient,
    job: Job,
    one_time_url: str,
    gif: bytes,
    storage: Storage,
    clean_up: Callable[[], CleanupReport],
) -> None:
    download = client.get(one_time_url, buffered=False)
    start = next(download.iter_encoded())
    Link.update(expires_at=time.time() - 1).execute()
    assert clean_up().results_removed == 1
    assert not storage.result_path(job.id).exists()
    assert start + b"".join(download.iter_encoded()) == gif
    download.close()
    assert client.get(one_time_url).status_code == 410


# -- clock changes -------------------------------------------------------------------------------------------


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> SetClock:
    """A function that sets the clock forward by some seconds, or back."""
    now = time.time

    def set_clock(seconds: float) -> None:
        monkeypatch.setattr(time, "time", lambda: now() + seconds)

    return set_clock


def test_links_work_after_the_clock_is_set_back(
    client: FlaskClient, own_url: str, one_time_url: str, gif: bytes, set_clock: SetClock
) -> None:
    set_clock(-3600)
    assert client.get(own_url).data == gif
    assert client.get(one_time_url).data == gif
    wait_for(lambda: one_time_uses() == 1, "the use to be counted")
    assert client.get(one_time_url).status_code == 410


def test_clock_set_forward_ends_only_expired_links(
    client: FlaskClient, job: Job, own_url: str, gif: bytes, set_clock: SetClock
) -> None:
    link = client.post(f"/jobs/{job.id}/links/", data={"expires": "7d", "max_uses": "2"}).get_json()
    url = link["url"].removeprefix("http://localhost")
    download = client.get(url, buffered=False)
    expired = Link.create(job=job, expires_at=time.time() + 3600)
    set_clock(86400)
    with client.application.test_request_context():
        assert client.get(download_url(expired)).status_code == 410
    assert b"".join(download.iter_encoded()) == gif
    download.close()
    wait_for(downloads_have_ended, "the download to end")
    assert Link.find(link["link_id"]).uses == 1
    assert client.get(url).data == gif
