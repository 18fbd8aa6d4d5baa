"""Fuzz tests: no request gets a 500 response."""

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from chromi.db import Job, Link, Upload
from tests.support.fuzzing import OPTION_TEXTS, limit_examples
from tests.support.tus_client import CHUNK, CREATION_URL, TUS

pytestmark = pytest.mark.slow

HEADERS = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=200)
NUMBERS = st.sampled_from(["", "0", "1", "-1", "100", "1000001", "٣", " 7", "1.0", "9" * 15, "9" * 400])


@limit_examples(60)
@given(language=HEADERS, content_type=HEADERS, accept=HEADERS, path=st.text(max_size=60))
def test_no_headers_cause_a_server_error(
    client: FlaskClient, language: str, content_type: str, accept: str, path: str
) -> None:
    headers = {
        "Accept-Language": language,
        "Accept": accept,
        "Content-Type": content_type,
        "HX-Request": content_type,
    }
    assert client.get("/", headers=headers).status_code == 200
    assert client.get("/download/" + path, headers=headers).status_code < 500
    assert client.get("/jobs/" + path, headers=headers).status_code < 500
    assert client.post("/convert/", headers=headers, data=accept.encode()).status_code < 500
    others = {
        "Range": language,
        "Cookie": content_type,
        "Accept-Encoding": accept,
        "If-None-Match": language,
    }
    assert client.get("/static/css/app.css", headers=others).status_code < 500
    assert client.post("/uploads/", headers={"Origin": language}).status_code in (400, 403)
    assert client.get("/", headers={"Host": content_type}).status_code in (200, 400)


@limit_examples(60)
@given(
    length=st.one_of(NUMBERS, HEADERS),
    offset=st.one_of(NUMBERS, HEADERS),
    metadata=HEADERS,
    body=st.binary(max_size=64),
)
def test_no_resumable_upload_causes_a_server_error(
    client: FlaskClient, length: str, offset: str, metadata: str, body: bytes
) -> None:
    created = client.post(CREATION_URL, headers={**TUS, "Upload-Length": length, "Upload-Metadata": metadata})
    assert created.status_code in (201, 400, 413)
    url = created.headers.get("Location", f"{CREATION_URL}{'0' * 32}")
    assert client.patch(url, headers={**CHUNK, "Upload-Offset": offset}, data=body).status_code < 500
    assert client.get(url + "/sample", headers=TUS).status_code < 500
    Upload.delete().execute()  # the number of active uploads is limited


@limit_examples(60)
@given(
    st.dictionaries(
        st.sampled_from(["expires", "max_uses", "one_time", "password", "more"]),
        st.one_of(NUMBERS, OPTION_TEXTS, st.sampled_from(["10m", "7d", "on", "12345678"])),
        max_size=4,
    )
)
def test_no_share_link_options_cause_a_server_error(
    client: FlaskClient, job: Job, options: dict[str, str]
) -> None:
    assert client.post(f"/jobs/{job.id}/links/", data=options).status_code in (201, 422)
    Link.delete().where(Link.shared).execute()  # the number of links of a job is limited
