"""Share links are created with the chosen options, and listed with their state."""

import re
import time
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chromi.db import MAX_LINK_AGE_S, Job, JobKind, Link, State
from chromi.web.auth import link_passwords
from chromi.web.views import share_links
from chromi.web.views.share_link_form import DURATIONS_S
from tests.support.http_forms import FRAGMENT, PAGE
from tests.support.share_link_requests import create_link, list_links

pytestmark = pytest.mark.slow


def text_of(response: TestResponse) -> str:
    """Return the text of a page without tags, in one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.text).split())


# -- creating ------------------------------------------------------------------------------------------------


def test_number_of_links_of_a_job_is_limited(
    client: FlaskClient, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(share_links, "MAX_LINKS", 2)
    first = create_link(client, job)
    create_link(client, job, password="a secret")
    client.post(first["revoke_url"])
    response = client.post(f"/jobs/{job.id}/links/")
    assert response.status_code == 409
    assert response.get_json()["error"]["message"].startswith("A background can have at most 2 links.")
    page = client.post(f"/jobs/{job.id}/links/", headers=PAGE)
    assert page.status_code == 409
    assert "Use an existing one" in page.text
    assert len(list_links(client, job)) == 2


def test_link_is_not_created_if_the_result_is_removed_meanwhile(
    client: FlaskClient, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hash_slowly(password: str) -> str:
        Job.delete().execute()
        return "scrypt:"

    monkeypatch.setattr(link_passwords, "hash_password", hash_slowly)
    response = client.post(f"/jobs/{job.id}/links/", data={"password": "a secret"})
    assert (response.status_code, response.get_json()["error"]["code"]) == (410, "link_expired")


@pytest.mark.parametrize(("choice", "seconds"), DURATIONS_S.items())
def test_link_expires_as_chosen(client: FlaskClient, job: Job, choice: str, seconds: int) -> None:
    client.post(f"/jobs/{job.id}/links/", data={"expires": choice})
    link = Link.get(Link.shared)
    assert link.expires_at == pytest.approx(time.time() + seconds, abs=5)
    own = Link.get(~Link.shared)
    assert own.expires_at >= link.expires_at, "the page lives as long as the longest link"


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"one_time": "yes"}, "one_time"),
        ({"expires": "forever"}, "expires"),
        ({"max_uses": "0"}, "max_uses"),
        ({"max_uses": "101"}, "max_uses"),
        ({"max_uses": "-1"}, "max_uses"),
        ({"max_uses": "two"}, "max_uses"),
        ({"max_uses": "9" * 5000}, "max_uses"),
        ({"max_uses": "5", "one_time": "on"}, "one_time"),
        ({"password": "abc"}, "password"),
        ({"password": "x" * 101}, "password"),
    ],
)
def test_error_names_invalid_option_and_creates_no_link(
    client: FlaskClient, job: Job, options: dict[str, str], name: str
) -> None:
    response = client.post(f"/jobs/{job.id}/links/", data=options)
    assert response.status_code == 422
    assert name in response.get_json()["error"]["message"]
    assert not Link.select().where(Link.shared).exists()


def test_expired_result_gets_no_new_link(client: FlaskClient, job: Job) -> None:
    Link.update(expires_at=1).execute()
    assert client.post(f"/jobs/{job.id}/links/", data={"expires": "7d"}).status_code == 410
    assert Link.select().count() == 1


def test_result_page_of_any_age_lasts_as_long_as_its_links(client: FlaskClient, job: Job) -> None:
    Link.update(created_at=time.time() - MAX_LINK_AGE_S + 3600).execute()
    client.post(f"/jobs/{job.id}/links/", data={"expires": "7d"})
    assert Link.get(~Link.shared).expires_at >= Link.get(Link.shared).expires_at


@pytest.mark.parametrize(
    "change", [{"state": State.IN_PROGRESS}, {"state": State.FAILED}, {"kind": JobKind.PREVIEW}]
)
def test_job_without_a_background_has_no_links(client: FlaskClient, job: Job, change: dict[str, str]) -> None:
    Job.update(**change).execute()
    Link.delete().execute()
    for response in (client.post(f"/jobs/{job.id}/links/"), client.get(f"/jobs/{job.id}/links/")):
        assert (response.status_code, response.get_json()["error"]["code"]) == (409, "conflict")


def test_htmx_gets_the_list_of_links(client: FlaskClient, job: Job) -> None:
    response = client.post(f"/jobs/{job.id}/links/", data={"expires": "1h"}, headers=FRAGMENT)
    assert response.status_code == 200
    assert response.text.lstrip().startswith('<div id="links"')
    assert "http://localhost/download/" in response.text


def test_htmx_fragment_updates_the_expiry_of_the_result(client: FlaskClient, job: Job) -> None:
    fragment = client.post(f"/jobs/{job.id}/links/", data={"expires": "7d"}, headers=FRAGMENT).text
    match = re.search(r'<p id="kept"[^>]* hx-swap-oob="true">Available until (.+?), then deleted', fragment)
    assert match
    page = client.get(f"/jobs/{job.id}/", headers=PAGE).text
    assert f"Available until {match[1]}," in page
    assert "hx-swap-oob" not in page


@pytest.mark.parametrize(
    ("options", "max_uses"),
    [({}, None), ({"max_uses": ""}, None), ({"max_uses": "1"}, 1), ({"max_uses": "100"}, 100)]
    + [({"one_time": "on"}, 1), ({"one_time": "on", "max_uses": "1"}, 1)],
)
def test_link_has_the_chosen_number_of_downloads(
    client: FlaskClient, job: Job, options: dict[str, str], max_uses: int | None
) -> None:
    link = create_link(client, job, **options)
    assert (link["max_uses"], link["uses"], link["uses_left"]) == (max_uses, 0, max_uses)
    assert link["state"] == "live"
    assert not link["has_password"]


def test_json_of_a_link_contains_its_urls(client: FlaskClient, job: Job) -> None:
    link = create_link(client, job, expires="1h", max_uses="5", password="four words")
    assert link["has_password"]
    assert "four" not in str(link)
    assert list_links(client, job) == [link]
    for name in ("extend_url", "revoke_url", "qr_url"):
        assert link[name].startswith(f"/jobs/{job.id}/links/{link['link_id']}/")


def test_invalid_option_shows_a_browser_the_page_again(client: FlaskClient, job: Job) -> None:
    response = client.post(f"/jobs/{job.id}/links/", data={"max_uses": "101"}, headers=PAGE)
    assert response.status_code == 422
    assert "max_uses must be a whole number from 1 to 100" in response.text
    assert "Your background is ready" in response.text


# -- the list ------------------------------------------------------------------------------------------------


def test_newest_link_is_listed_first(client: FlaskClient, job: Job) -> None:
    first, second = create_link(client, job), create_link(client, job)
    assert [link["link_id"] for link in list_links(client, job)] == [second["link_id"], first["link_id"]]
    page = client.get(f"/jobs/{job.id}/", headers=PAGE).text
    assert page.index(f'value="{second["url"]}"') < page.index(f'value="{first["url"]}"')
    assert page.index('aria-label="Link 2"') < page.index('aria-label="Link 1"')


def test_browser_without_script_is_redirected_to_the_list(client: FlaskClient, job: Job) -> None:
    link = create_link(client, job)
    for url in (f"/jobs/{job.id}/links/", link["extend_url"], link["revoke_url"]):
        response = client.post(url, headers=PAGE)
        assert (response.status_code, response.location) == (303, f"/jobs/{job.id}/#links")
    assert client.get(f"/jobs/{job.id}/links/", headers=PAGE).location == f"/jobs/{job.id}/#links"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"uses": 0}, "Valid until"),
        ({"uses": 0}, "Not downloaded yet"),
        ({"uses": 1}, "Downloaded once"),
        ({"uses": 7}, "Downloaded 7 times"),
        ({"max_uses": 1}, "1 download left"),
        ({"max_uses": 5, "uses": 2}, "3 of 5 downloads left"),
        ({"max_uses": 1, "uses": 1}, "Downloaded once"),
        ({"max_uses": 5, "uses": 5}, "Downloaded 5 times"),
        ({"password_hash": "x"}, "Password required"),
        ({"revoked_at": 1.0}, "Revoked"),
        ({"expires_at": 1.0}, "Expired"),
    ],
)
def test_list_shows_the_state_of_each_link(
    client: FlaskClient, job: Job, changes: dict[str, Any], sentence: str
) -> None:
    link = create_link(client, job)
    Link.update(**changes).where(Link.id == link["link_id"]).execute()
    assert sentence in text_of(client.get(f"/jobs/{job.id}/", headers=PAGE))


def test_fragment_announces_the_change(client: FlaskClient, job: Job) -> None:
    link = create_link(client, job)
    extended = client.post(link["extend_url"], headers=FRAGMENT).text
    assert 'data-change="extended"' in extended
    assert "Valid until" in extended
    revoked = client.post(link["revoke_url"], headers=FRAGMENT).text
    assert 'data-change="revoked"' in revoked
    assert link["url"] not in revoked
