"""A file is sent only if the request's conditions are met, and a range only if it applies (RFC 9110)."""

import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient

from chromi.web.http.static_files import STYLESHEET

pytestmark = pytest.mark.slow

RANGE = {"Range": "bytes=10-19"}
IGNORED_RANGES = ["lines=0-9", "bytes=9-5", "bytes=a-b", "bytes=", "0-9", "bytes=-0", "bytes=0-1,5-9"]
OTHER_ETAGS = ['"another"', 'W/"another"', '"one", "two"']


@pytest.fixture
def stylesheet_url(app: Flask) -> str:
    with app.test_request_context():
        return url_for("static", filename=STYLESHEET)


# -- If-Match ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("if_match", OTHER_ETAGS)
@pytest.mark.parametrize("more", [{}, RANGE])
def test_if_match_with_another_etag_gets_412_without_the_file(
    client: FlaskClient, own_url: str, if_match: str, more: dict[str, str]
) -> None:
    response = client.get(own_url, headers={"If-Match": if_match, **more})
    assert (response.status_code, response.mimetype) == (412, "application/json")
    assert response.get_json()["error"]["code"] == "precondition_failed"
    assert client.head(own_url, headers={"If-Match": if_match, **more}).status_code == 412


@pytest.mark.parametrize("encoding", ["identity", "br"])
@pytest.mark.parametrize("if_match", OTHER_ETAGS)
@pytest.mark.parametrize("more", [{}, RANGE])
def test_if_match_with_another_etag_of_a_static_file_gets_412(
    client: FlaskClient, stylesheet_url: str, if_match: str, encoding: str, more: dict[str, str]
) -> None:
    headers = {"If-Match": if_match, "Accept-Encoding": encoding, **more}
    response = client.get(stylesheet_url, headers=headers)
    assert (response.status_code, response.mimetype) == (412, "application/json")


def test_if_match_with_current_etag_gets_the_file_or_the_range(
    client: FlaskClient, own_url: str, gif: bytes
) -> None:
    for if_match in (client.head(own_url).headers["ETag"], "*"):
        assert client.get(own_url, headers={"If-Match": if_match}).data == gif
        part = client.get(own_url, headers={"If-Match": if_match, **RANGE})
        assert (part.status_code, part.data) == (206, gif[10:20])


@pytest.mark.parametrize("encoding", ["identity", "br"])
def test_if_match_asterisk_gets_the_static_file(
    client: FlaskClient, stylesheet_url: str, encoding: str
) -> None:
    headers = {"Accept-Encoding": encoding}
    expected = client.get(stylesheet_url, headers=headers).data
    assert client.get(stylesheet_url, headers=headers | {"If-Match": "*"}).data == expected


# -- If-None-Match -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_if_none_match_with_current_etag_gets_304_instead_of_a_range(
    client: FlaskClient, own_url: str, method: str
) -> None:
    etag = client.head(own_url).headers["ETag"]
    for if_none_match in (etag, f"W/{etag}", "*"):
        headers = {"If-None-Match": if_none_match, **RANGE}
        response = client.open(own_url, method=method, headers=headers)
        assert (response.status_code, response.data) == (304, b"")


def test_if_none_match_with_another_etag_gets_the_range(
    client: FlaskClient, own_url: str, gif: bytes
) -> None:
    response = client.get(own_url, headers={"If-None-Match": '"another"', **RANGE})
    assert (response.status_code, response.data) == (206, gif[10:20])


# -- Range ---------------------------------------------------------------------------------------------------


def test_suffix_range_longer_than_the_file_gets_the_whole_file(
    client: FlaskClient, own_url: str, gif: bytes
) -> None:
    response = client.get(own_url, headers={"Range": "bytes=-99999999999"})
    assert (response.status_code, response.data) == (206, gif)
    assert response.headers["Content-Range"] == f"bytes 0-{len(gif) - 1}/{len(gif)}"


@pytest.mark.parametrize("requested", IGNORED_RANGES)
def test_range_that_does_not_apply_is_ignored(
    client: FlaskClient, own_url: str, gif: bytes, stylesheet_url: str, requested: str
) -> None:
    response = client.get(own_url, headers={"Range": requested})
    assert (response.status_code, response.data) == (200, gif)
    assert client.get(stylesheet_url, headers={"Range": requested}).status_code == 200


def test_head_ignores_a_range(client: FlaskClient, own_url: str, gif: bytes) -> None:
    response = client.head(own_url, headers=RANGE)
    assert (response.status_code, response.content_length) == (200, len(gif))


def test_if_range_of_a_static_file_gets_the_whole_file(client: FlaskClient, stylesheet_url: str) -> None:
    """Its ETag is the same for each Content-Encoding, so bytes of two versions could be mixed."""
    etag = client.head(stylesheet_url).headers["ETag"]
    assert client.get(stylesheet_url, headers=RANGE).status_code == 206
    assert client.get(stylesheet_url, headers=RANGE | {"If-Range": etag}).status_code == 200
