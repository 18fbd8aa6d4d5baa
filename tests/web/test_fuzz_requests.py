"""Whatever a request says: no answer is a 500."""

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from chromi.db import Job, Link, Upload
from tests.support.fuzzing import OPTION_TEXTS, limit_examples

pytestmark = pytest.mark.slow

HEADER = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=200)
FEW = st.sampled_from(["", "0", "1", "-1", "100", "1000001", "٣", " 7", "1.0", "9" * 15, "9" * 400])


@limit_examples(60)
@given(language=HEADER, kind=HEADER, wanted=HEADER, address=st.text(max_size=60))
def test_whatever_the_headers_of_a_request_are(
    client: FlaskClient, language: str, kind: str, wanted: str, address: str
) -> None:
    headers = {"Accept-Language": language, "Accept": wanted, "Content-Type": kind, "HX-Request": kind}
    assert client.get("/", headers=headers).status_code == 200
    assert client.get("/download/" + address, headers=headers).status_code < 500
    assert client.get("/jobs/" + address, headers=headers).status_code < 500
    assert client.post("/convert/", headers=headers, data=wanted.encode()).status_code < 500
    others = {"Range": language, "Cookie": kind, "Accept-Encoding": wanted, "If-None-Match": language}
    assert client.get("/static/css/app.css", headers=others).status_code < 500
    assert client.post("/uploads/", headers={"Origin": language}).status_code in (400, 403)
    assert client.get("/", headers={"Host": kind}).status_code in (200, 400)


@limit_examples(60)
@given(
    length=st.one_of(FEW, HEADER), offset=st.one_of(FEW, HEADER), about=HEADER, body=st.binary(max_size=64)
)
def test_whatever_an_upload_in_pieces_says(
    client: FlaskClient, length: str, offset: str, about: str, body: bytes
) -> None:
    spoken = {"Tus-Resumable": "1.0.0"}
    begun = client.post(
        "/uploads/resumable/", headers={**spoken, "Upload-Length": length, "Upload-Metadata": about}
    )
    assert begun.status_code in (201, 400, 413)
    address = begun.headers.get("Location", f"/uploads/resumable/{'0' * 32}")
    piece = {**spoken, "Upload-Offset": offset, "Content-Type": "application/offset+octet-stream"}
    assert client.patch(address, headers=piece, data=body).status_code < 500
    assert client.get(address + "/sample", headers=spoken).status_code < 500
    Upload.delete().execute()  # so many may be under way at once


@limit_examples(60)
@given(
    st.dictionaries(
        st.sampled_from(["expires", "max_uses", "one_time", "password", "more"]),
        st.one_of(FEW, OPTION_TEXTS, st.sampled_from(["10m", "7d", "on", "12345678"])),
        max_size=4,
    )
)
def test_whatever_a_share_link_is_to_be(client: FlaskClient, job: Job, options: dict[str, str]) -> None:
    assert client.post(f"/jobs/{job.id}/links/", data=options).status_code in (201, 422)
    Link.delete().where(Link.shared).execute()  # a background has so many at most
