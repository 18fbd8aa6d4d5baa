"""Share links as their maker sees them: made, listed, extended, revoked."""

import io
import re
import time
from typing import Any
from xml.etree import ElementTree

import pytest
import segno
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chromi.db import Job, Link
from chromi.storage import Storage
from chromi.tokens import MAX_AGE_S
from chromi.web.limits import passwords
from chromi.web.views import share_links
from chromi.web.views.share_link_form import DURATIONS_S
from tests.support.http_forms import FRAGMENT, PAGE

DAY_S = 86400


def make(client: FlaskClient, job: Job, **options: str) -> dict[str, Any]:
    answer = client.post(f"/jobs/{job.id}/links/", data=options)
    assert answer.status_code == 201
    body: dict[str, Any] = answer.get_json()
    return body


def listed(client: FlaskClient, job: Job) -> list[dict[str, Any]]:
    links: list[dict[str, Any]] = client.get(f"/jobs/{job.id}/links/").get_json()["links"]
    return links


def extend(client: FlaskClient, link: dict[str, Any], **options: str) -> TestResponse:
    return client.post(link["extend_url"], data=options)


def words(answer: TestResponse) -> str:
    """The text of a page without its tags and line ends."""
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())


# -- making ------------------------------------------------------------------------------------------------


def test_a_background_has_so_many_links_and_no_more(
    client: FlaskClient, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(share_links, "MAX_LINKS", 2)
    first = make(client, job)
    make(client, job, password="a secret")
    client.post(first["revoke_url"])
    answer = client.post(f"/jobs/{job.id}/links/")
    assert answer.status_code == 409
    assert answer.get_json()["error"]["message"].startswith("A background has 2 links at most.")
    page = client.post(f"/jobs/{job.id}/links/", headers=PAGE)
    assert page.status_code == 409
    assert "Use one that is there" in page.text
    assert len(listed(client, job)) == 2


def test_a_result_that_goes_while_its_link_is_made_is_gone(
    client: FlaskClient, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hash_slowly(password: str) -> str:
        Job.delete().execute()
        return "scrypt:"

    monkeypatch.setattr(passwords, "hash_password", hash_slowly)
    answer = client.post(f"/jobs/{job.id}/links/", data={"password": "a secret"})
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (410, "link_expired")


@pytest.mark.parametrize(("choice", "seconds"), DURATIONS_S.items())
def test_a_share_link_lives_as_long_as_chosen(
    client: FlaskClient, job: Job, choice: str, seconds: int
) -> None:
    client.post(f"/jobs/{job.id}/links/", data={"expires": choice})
    link = Link.get(Link.shared)
    assert link.expires_at == pytest.approx(time.time() + seconds, abs=5)
    own = Link.get(~Link.shared)
    assert own.expires_at >= link.expires_at, "the page lives as long as the longest link"


@pytest.mark.parametrize(
    ("options", "named"),
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


def test_a_share_link_needs_a_finished_job(client: FlaskClient, job: Job) -> None:
    Job.update(state="queued").execute()
    assert client.post(f"/jobs/{job.id}/links/", data={"expires": "1h"}).status_code == 409


def test_htmx_gets_the_list_of_links(client: FlaskClient, job: Job) -> None:
    answer = client.post(f"/jobs/{job.id}/links/", data={"expires": "1h"}, headers=FRAGMENT)
    assert answer.status_code == 200
    assert answer.text.lstrip().startswith('<div id="links"')
    assert "http://localhost/download/" in answer.text


def test_htmx_hears_how_long_the_background_is_now_kept(client: FlaskClient, job: Job) -> None:
    fragment = client.post(f"/jobs/{job.id}/links/", data={"expires": "7d"}, headers=FRAGMENT).text
    kept = re.search(r'<p id="kept"[^>]* hx-swap-oob="true">Kept here until (.+?), then deleted', fragment)
    assert kept
    page = client.get(f"/jobs/{job.id}/", headers=PAGE).text
    assert f"Kept here until {kept[1]}," in page
    assert "hx-swap-oob" not in page


@pytest.mark.parametrize(
    ("options", "max_uses"),
    [({}, None), ({"max_uses": ""}, None), ({"max_uses": "1"}, 1), ({"max_uses": "100"}, 100)]
    + [({"one_time": "on"}, 1), ({"one_time": "on", "max_uses": "1"}, 1)],
)
def test_a_link_gives_as_many_downloads_as_chosen(
    client: FlaskClient, job: Job, options: dict[str, str], max_uses: int | None
) -> None:
    link = make(client, job, **options)
    assert (link["max_uses"], link["uses"], link["uses_left"]) == (max_uses, 0, max_uses)
    assert link["state"] == "live"
    assert not link["has_password"]


def test_a_link_tells_programs_where_it_is_changed(client: FlaskClient, job: Job) -> None:
    link = make(client, job, expires="1h", max_uses="5", password="four words")
    assert link["has_password"]
    assert "four" not in str(link)
    assert listed(client, job) == [link]
    for name in ("extend_url", "revoke_url", "qr_url"):
        assert link[name].startswith(f"/jobs/{job.id}/links/{link['link_id']}/")


def test_a_wrong_option_shows_a_person_the_page_again(client: FlaskClient, job: Job) -> None:
    answer = client.post(f"/jobs/{job.id}/links/", data={"max_uses": "101"}, headers=PAGE)
    assert answer.status_code == 422
    assert "max_uses must be a whole number from 1 to 100" in answer.text
    assert "Your background is ready" in answer.text


# -- the list ----------------------------------------------------------------------------------------------


def test_the_newest_link_is_listed_first(client: FlaskClient, job: Job) -> None:
    first, second = make(client, job), make(client, job)
    assert [link["link_id"] for link in listed(client, job)] == [second["link_id"], first["link_id"]]
    page = client.get(f"/jobs/{job.id}/", headers=PAGE).text
    assert page.index(f'value="{second["url"]}"') < page.index(f'value="{first["url"]}"')
    assert page.index('aria-label="Link 2"') < page.index('aria-label="Link 1"')


def test_without_script_the_way_leads_back_to_the_list(client: FlaskClient, job: Job) -> None:
    link = make(client, job)
    for address in (f"/jobs/{job.id}/links/", link["extend_url"], link["revoke_url"]):
        answer = client.post(address, headers=PAGE)
        assert (answer.status_code, answer.location) == (303, f"/jobs/{job.id}/#links")
    assert client.get(f"/jobs/{job.id}/links/", headers=PAGE).location == f"/jobs/{job.id}/#links"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"uses": 0}, "Works until"),
        ({"uses": 0}, "Not downloaded yet"),
        ({"uses": 1}, "Downloaded once"),
        ({"uses": 7}, "Downloaded 7 times"),
        ({"max_uses": 1}, "One download"),
        ({"max_uses": 5, "uses": 2}, "3 of 5 downloads left"),
        ({"max_uses": 1, "uses": 1}, "Its one download is used"),
        ({"max_uses": 5, "uses": 5}, "All its 5 downloads are used"),
        ({"password_hash": "x"}, "With a password"),
        ({"revoked_at": 1.0}, "Revoked"),
        ({"expires_at": 1.0}, "Ended"),
    ],
)
def test_each_link_says_how_it_stands(
    client: FlaskClient, job: Job, changes: dict[str, Any], sentence: str
) -> None:
    link = make(client, job)
    Link.update(**changes).where(Link.id == link["link_id"]).execute()
    assert sentence in words(client.get(f"/jobs/{job.id}/", headers=PAGE))


def test_a_change_is_told_as_a_fragment(client: FlaskClient, job: Job) -> None:
    link = make(client, job)
    extended = client.post(link["extend_url"], headers=FRAGMENT).text
    assert 'data-change="extended"' in extended
    assert "Works until" in extended
    revoked = client.post(link["revoke_url"], headers=FRAGMENT).text
    assert 'data-change="revoked"' in revoked
    assert link["url"] not in revoked


# -- extending ---------------------------------------------------------------------------------------------


def expiry_of(link: dict[str, Any]) -> float:
    return float(Link.find(link["link_id"]).expires_at)


@pytest.mark.parametrize(
    ("options", "seconds"), [({}, DAY_S), ({"by": "1h"}, 3600), ({"by": "7d"}, 7 * DAY_S)]
)
def test_a_link_is_extended_from_its_end(
    client: FlaskClient, job: Job, options: dict[str, str], seconds: int
) -> None:
    link = make(client, job, expires="1h")
    answer = extend(client, link, **options)
    assert answer.status_code == 200
    assert expiry_of(link) == pytest.approx(time.time() + 3600 + seconds, abs=5)
    assert answer.get_json()["expires_at"] > link["expires_at"]


def test_an_expired_link_works_again_from_now(client: FlaskClient, job: Job) -> None:
    link = make(client, job)
    Link.update(expires_at=time.time() - 1000).where(Link.id == link["link_id"]).execute()
    assert client.get(link["url"]).status_code == 410
    assert extend(client, link, by="1h").status_code == 200
    assert expiry_of(link) == pytest.approx(time.time() + 3600, abs=5)
    assert client.get(link["url"]).status_code == 200


def test_an_extended_link_keeps_the_page(client: FlaskClient, job: Job) -> None:
    link = make(client, job, expires="7d")
    extend(client, link, by="7d")
    assert Link.get(~Link.shared).expires_at == pytest.approx(expiry_of(link))


def test_no_link_outlives_its_signature(client: FlaskClient, job: Job) -> None:
    link = make(client, job, expires="7d")
    latest = Link.find(link["link_id"]).created_at + MAX_AGE_S
    for _ in range(4):
        assert extend(client, link, by="7d").status_code == 200
    assert expiry_of(link) == pytest.approx(latest)
    answer = extend(client, link, by="10m")
    assert answer.status_code == 409
    assert "30 days at most" in answer.get_json()["error"]["message"]
    assert expiry_of(link) == pytest.approx(latest)
    page = client.get(f"/jobs/{job.id}/", headers=PAGE).text
    assert link["extend_url"] not in page
    assert link["revoke_url"] in page


@pytest.mark.parametrize(
    ("changes", "sentence"), [({"revoked_at": 1.0}, "revoked"), ({"max_uses": 1, "uses": 1}, "has been used")]
)
def test_time_does_not_bring_back_what_ended_otherwise(
    client: FlaskClient, job: Job, changes: dict[str, Any], sentence: str
) -> None:
    link = make(client, job)
    Link.update(**changes).where(Link.id == link["link_id"]).execute()
    answer = extend(client, link)
    assert answer.status_code == 409
    assert sentence in answer.get_json()["error"]["message"]
    person = client.post(link["extend_url"], headers=PAGE)
    assert person.status_code == 409
    assert "Your background is ready" in person.text


def test_a_wrong_duration_extends_nothing(client: FlaskClient, job: Job) -> None:
    link = make(client, job)
    before = expiry_of(link)
    answer = extend(client, link, by="forever")
    assert answer.status_code == 422
    assert "by must be 10m, 1h, 24h, or 7d." in answer.get_json()["error"]["message"]
    assert expiry_of(link) == before


# -- revoking ----------------------------------------------------------------------------------------------


def test_a_revoked_link_ends_at_once_and_for_good(client: FlaskClient, job: Job) -> None:
    link = make(client, job)
    for _ in range(2):
        answer = client.post(link["revoke_url"])
        assert (answer.status_code, answer.get_json()["state"]) == (200, "revoked")
    answer = client.get(link["url"])
    assert answer.status_code == 410
    assert answer.get_json()["error"]["code"] == "link_revoked"
    assert client.get(f"{link['url']}still.jpg").status_code == 410
    page = client.get(link["url"], headers=PAGE)
    assert page.status_code == 410
    assert "taken it back" in page.text


def test_revoking_one_link_leaves_the_others_and_the_result(
    client: FlaskClient, job: Job, storage: Storage, gif: bytes
) -> None:
    link, other = make(client, job), make(client, job)
    client.post(link["revoke_url"])
    assert client.get(other["url"]).data == gif
    assert storage.result_path(job.id).exists()


def test_the_result_goes_when_its_last_link_is_revoked(
    client: FlaskClient, job: Job, storage: Storage
) -> None:
    link = make(client, job)
    Link.delete().where(~Link.shared).execute()
    assert client.post(link["revoke_url"]).status_code == 200
    assert not storage.result_path(job.id).exists()


# -- who may do it -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["extend_url", "revoke_url"])
def test_a_receiver_cannot_change_a_link(client: FlaskClient, job: Job, name: str) -> None:
    """A token tells the link's id; only the job's id, which it does not tell, opens these."""
    link = make(client, job)
    own = Link.get(~Link.shared)
    other = Job.create(options_json={}, state="success")
    for address in (
        link[name].replace(job.id, other.id),
        link[name].replace(job.id, link["link_id"]),
        link[name].replace(link["link_id"], own.id),
    ):
        assert client.post(address).status_code == 404
    assert client.get(link[name]).status_code == 405
    assert Link.find(link["link_id"]).is_live


# -- its picture -------------------------------------------------------------------------------------------


def test_the_qr_code_is_the_links_address(client: FlaskClient, job: Job) -> None:
    link = make(client, job)
    answer = client.get(link["qr_url"])
    assert answer.content_type == "image/svg+xml; charset=utf-8"
    ElementTree.fromstring(answer.data)  # noqa: S314  our own
    expected = io.BytesIO()
    code = segno.make(link["url"], error="m", micro=False)
    code.save(expected, kind="svg", border=4, dark="#000", light="#fff", xmldecl=False, omitsize=True)
    assert answer.data == expected.getvalue()
    assert b"style" not in answer.data


def test_an_ended_link_has_no_qr_code(client: FlaskClient, job: Job) -> None:
    link = make(client, job)
    client.post(link["revoke_url"])
    assert client.get(link["qr_url"]).status_code == 410
