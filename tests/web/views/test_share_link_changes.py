"""Share links are extended and revoked by the owner of the job only, and have QR codes."""

import io
import time
from typing import Any
from xml.etree import ElementTree

import pytest
import segno
from flask.testing import FlaskClient

from chromi.db import MAX_LINK_AGE_S, Job, Link
from chromi.storage import Storage
from tests.support.http_forms import PAGE
from tests.support.share_link_requests import create_link, expiry_of, extend_link

pytestmark = pytest.mark.slow

DAY_S = 86400

# -- extending -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "seconds"), [({}, DAY_S), ({"by": "1h"}, 3600), ({"by": "7d"}, 7 * DAY_S)]
)
def test_link_is_extended_from_its_expiry(
    client: FlaskClient, job: Job, options: dict[str, str], seconds: int
) -> None:
    link = create_link(client, job, expires="1h")
    response = extend_link(client, link, **options)
    assert response.status_code == 200
    assert expiry_of(link) == pytest.approx(time.time() + 3600 + seconds, abs=5)
    assert response.get_json()["expires_at"] > link["expires_at"]


def test_expired_link_is_extended_from_now(client: FlaskClient, job: Job) -> None:
    link = create_link(client, job)
    Link.update(expires_at=time.time() - 1000).where(Link.id == link["link_id"]).execute()
    assert client.get(link["url"]).status_code == 410
    assert extend_link(client, link, by="1h").status_code == 200
    assert expiry_of(link) == pytest.approx(time.time() + 3600, abs=5)
    assert client.get(link["url"]).status_code == 200


def test_extending_a_link_extends_the_link_of_the_result_page(client: FlaskClient, job: Job) -> None:
    link = create_link(client, job, expires="7d")
    extend_link(client, link, by="7d")
    assert Link.get(~Link.shared).expires_at == pytest.approx(expiry_of(link))


def test_link_cannot_be_extended_beyond_its_signature(client: FlaskClient, job: Job) -> None:
    link = create_link(client, job, expires="7d")
    latest = Link.find(link["link_id"]).created_at + MAX_LINK_AGE_S
    for _ in range(4):
        assert extend_link(client, link, by="7d").status_code == 200
    assert expiry_of(link) == pytest.approx(latest)
    response = extend_link(client, link, by="10m")
    assert response.status_code == 409
    assert "at most 30 days" in response.get_json()["error"]["message"]
    assert expiry_of(link) == pytest.approx(latest)
    page = client.get(f"/jobs/{job.id}/", headers=PAGE).text
    assert link["extend_url"] not in page
    assert link["revoke_url"] in page


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [({"revoked_at": 1.0}, "revoked"), ({"max_uses": 1, "uses": 1}, "has reached its download limit")],
)
def test_revoked_or_used_link_cannot_be_extended(
    client: FlaskClient, job: Job, changes: dict[str, Any], sentence: str
) -> None:
    link = create_link(client, job)
    Link.update(**changes).where(Link.id == link["link_id"]).execute()
    response = extend_link(client, link)
    assert response.status_code == 409
    assert sentence in response.get_json()["error"]["message"]
    page = client.post(link["extend_url"], headers=PAGE)
    assert page.status_code == 409
    assert "Your background is ready" in page.text


def test_invalid_duration_extends_nothing(client: FlaskClient, job: Job) -> None:
    link = create_link(client, job)
    before = expiry_of(link)
    response = extend_link(client, link, by="forever")
    assert response.status_code == 422
    assert "by must be 10m, 1h, 24h, or 7d." in response.get_json()["error"]["message"]
    assert expiry_of(link) == before


# -- revoking ------------------------------------------------------------------------------------------------


def test_revoked_link_is_gone_immediately(client: FlaskClient, job: Job) -> None:
    link = create_link(client, job)
    for _ in range(2):
        response = client.post(link["revoke_url"])
        assert (response.status_code, response.get_json()["state"]) == (200, "revoked")
    response = client.get(link["url"])
    assert response.status_code == 410
    assert response.get_json()["error"]["code"] == "link_revoked"
    assert client.get(f"{link['url']}still.jpg").status_code == 410
    page = client.get(link["url"], headers=PAGE)
    assert page.status_code == 410
    assert "sender has revoked this link" in page.text


def test_revoking_a_link_keeps_other_links_and_the_result(
    client: FlaskClient, job: Job, storage: Storage, gif: bytes
) -> None:
    link, other = create_link(client, job), create_link(client, job)
    client.post(link["revoke_url"])
    assert client.get(other["url"]).data == gif
    assert storage.result_path(job.id).exists()


def test_result_is_removed_when_its_last_link_is_revoked(
    client: FlaskClient, job: Job, storage: Storage
) -> None:
    link = create_link(client, job)
    Link.delete().where(~Link.shared).execute()
    assert client.post(link["revoke_url"]).status_code == 200
    assert not storage.result_path(job.id).exists()


# -- authorization -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["extend_url", "revoke_url"])
def test_recipient_cannot_change_a_link(client: FlaskClient, job: Job, name: str) -> None:
    """A token contains the link's id, but not the job's id, which these URLs require."""
    link = create_link(client, job)
    own = Link.get(~Link.shared)
    other = Job.create(options_json={}, state="success")
    for url in (
        link[name].replace(job.id, other.id),
        link[name].replace(job.id, link["link_id"]),
        link[name].replace(link["link_id"], own.id),
    ):
        assert client.post(url).status_code == 404
    assert client.get(link[name]).status_code == 405
    assert Link.find(link["link_id"]).is_live


# -- QR codes ------------------------------------------------------------------------------------------------


def test_qr_code_encodes_the_url_of_the_link(client: FlaskClient, job: Job) -> None:
    link = create_link(client, job)
    response = client.get(link["qr_url"])
    assert response.content_type == "image/svg+xml; charset=utf-8"
    ElementTree.fromstring(response.data)  # noqa: S314  generated by Chromi
    expected = io.BytesIO()
    code = segno.make(link["url"], error="m", micro=False)
    code.save(expected, kind="svg", border=4, dark="#000", light="#fff", xmldecl=False, omitsize=True)
    assert response.data == expected.getvalue()
    assert b"style" not in response.data


def test_revoked_link_has_no_qr_code(client: FlaskClient, job: Job) -> None:
    link = create_link(client, job)
    client.post(link["revoke_url"])
    assert client.get(link["qr_url"]).status_code == 410
