"""What a hostile client may say, and what it gets for it."""

import logging
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from chromi.db import Job, Link
from tests.support.http_forms import PAGE, form

# -- tokens and addresses ------------------------------------------------------------------------------------


def variants(token: str) -> dict[str, str]:
    """Tokens that are not the one they look like."""
    payload, stamp, signature = token.split(".")
    flipped = "A" if signature[0] != "A" else "B"
    return {
        "first character of the signature": f"{payload}.{stamp}.{flipped}{signature[1:]}",
        "another payload": f"{payload[:-2]}AA.{stamp}.{signature}",
        "another time": f"{payload}.AAAAAA.{signature}",
        "no signature": f"{payload}.{stamp}.",
        "a megabyte": token + "A" * 1_000_000,
        "a megabyte of dots": "." * 1_000_000,
    }


def test_every_wrong_token_gets_the_same_answer(client: FlaskClient, own_url: str) -> None:
    token = own_url.split("/")[2]
    answers = {what: client.get(f"/download/{text}/") for what, text in variants(token).items()}
    assert {answer.status_code for answer in answers.values()} == {404}
    assert len({answer.data for answer in answers.values()}) == 1


def test_the_id_of_one_thing_opens_no_other(client: FlaskClient, job: Job, upload: str) -> None:
    link = Link.get(Link.job == job)
    for address in (
        f"/uploads/{job.id}/",
        f"/uploads/{job.id}/video",
        f"/jobs/{upload}/",
        f"/jobs/{link.id}/",
        f"/download/{link.id}/",
        f"/download/{job.id}/",
        f"/uploads/{link.id}/preview",
    ):
        assert client.get(address).status_code == 404, address
    assert client.post(f"/jobs/{upload}/cancel").status_code == 404
    assert client.post(f"/uploads/{job.id}/jobs/").status_code == 404


@pytest.mark.slow
@pytest.mark.parametrize(
    "part",
    [
        "..",
        "%2e%2e",
        "..%2f..%2fchromi.db",
        "%2e%2e%2f%2e%2e%2fsecret_key",
        "..%5c..%5csecret_key",
        "%00",
        "a%00.gif",
        "%0a",
        "%ff%fe",
        "a" * 100_000,
        "partial-" + "0" * 32,
        "%EF%BC%8E%EF%BC%8E",
    ],
)
@pytest.mark.parametrize(
    "address",
    ["/uploads/{}/", "/uploads/{}/video", "/jobs/{}/", "/download/{}/", "/static/{}", "/static/v-1/{}"],
)
def test_no_trick_with_a_path_finds_anything(client: FlaskClient, address: str, part: str) -> None:
    answer = client.get(address.format(part))
    assert answer.status_code in (404, 308), answer.status_code
    if answer.status_code == 308:
        assert client.get(answer.location).status_code == 404


# -- words of strangers --------------------------------------------------------------------------------------

WILD = "<script>alert(1)</script>\n\x1b[31m2026 ERROR forged\u202e\"'&{{7*7}}.mp4"


def test_no_line_of_the_log_is_written_by_a_stranger(
    client: FlaskClient, app: Flask, caplog: pytest.LogCaptureFixture, clip: Path
) -> None:
    @app.get("/broken/<rest>")
    def broken(rest: str) -> str:
        raise RuntimeError(rest)

    caplog.set_level(logging.DEBUG)
    client.get("/broken/a%0a%1b[31m2026%20ERROR%20forged%0d")
    client.post("/uploads/", **form(clip, name=WILD.replace("\n", "%0A")))
    client.post("/uploads/", **form(b"no video", name=WILD.replace("\n", "%0A")))
    assert caplog.records
    for record in caplog.records:
        assert not set(record.getMessage()) & set("\n\r\x1b\u202e"), record.getMessage()


def test_what_a_stranger_says_is_shown_as_text(client: FlaskClient, upload: str) -> None:
    for address in (f"/uploads/{upload}/", "/"):
        page = client.get(address, query_string={"start_time": WILD, "pad": WILD}, headers=PAGE).text
        assert "<script>alert" not in page
        assert "{{7*7}}" not in page or "&lt;script" in page
    page = client.post(f"/uploads/{upload}/jobs/", data={"pad": WILD, "start_time": WILD}, headers=PAGE).text
    assert "<script>alert" not in page
