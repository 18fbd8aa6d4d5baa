"""The reader's language: which it is, and that all is said in it."""

import re
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from chromi.db import Job, JobKind, Link, State, Upload
from chromi.encoder import ConversionOptions
from chromi.encoder.encoder_errors import CannotFit
from chromi.errors import NotAVideo
from chromi.translations.collect import extract_messages, to_mo
from tests.support.http_forms import PAGE, form


@pytest.mark.parametrize(
    ("wanted", "language"),
    [
        (None, "en"),
        ("de", "de"),
        ("de-AT,en;q=0.5", "de"),
        ("en;q=0.4,fr-CA;q=0.9", "fr"),
        ("nl,pt-PT;q=0.8,en;q=0.7", "pt"),
        ("zh-TW", "zh-Hans"),
        ("ja_JP", "ja"),
        ("xx,tlh;q=0.5", "en"),
        ("*", "en"),
        ("../../etc, 💥;q=x", "en"),
    ],
)
def test_the_page_is_in_the_language_the_browser_likes_best(
    client: FlaskClient, wanted: str | None, language: str
) -> None:
    headers = {**PAGE, **({"Accept-Language": wanted} if wanted else {})}
    page = client.get("/", headers=headers)
    assert f'<html lang="{language}">' in page.text
    assert page.headers["Content-Language"] == language
    assert "Accept-Language" in page.headers["Vary"]


def test_an_error_is_told_in_it_to_programs_too(client: FlaskClient) -> None:
    german = {"Accept-Language": "de"}
    english = client.post("/uploads/", **form(b"no video")).get_json()["error"]
    error = client.post("/uploads/", **form(b"no video"), headers=german).get_json()["error"]
    assert error["code"] == english["code"]
    assert english["message"] == NotAVideo.user_message
    assert error["message"] != english["message"]


def test_a_job_tells_why_it_failed_in_each_reader_s_language(client: FlaskClient) -> None:
    row = Job.create(options_json={}, state=State.QUEUED)
    job = Job.claim(row.id, "worker-1")
    assert job
    job.fail(CannotFit.under(2_500_000, 3_456_789))
    english, german = (
        client.get(f"/jobs/{job.id}/", headers={"Accept-Language": language}).get_json()["error"]["message"]
        for language in ("en", "de")
    )
    assert "under 2.5 MB" in english
    assert "takes 3.5 MB" in english
    german = german.replace("\N{NO-BREAK SPACE}", " ")
    assert "2,5 MB" in german
    assert "3,5 MB" in german


def test_an_error_of_an_older_version_is_told_as_it_was(client: FlaskClient) -> None:
    job = Job.create(
        options_json={}, state=State.FAILED, error_code="cannot_fit", error_message="It is 100 % too large."
    )
    for accepted in (PAGE, {"Accept": "application/json"}):
        answer = client.get(f"/jobs/{job.id}/", headers={**accepted, "Accept-Language": "fr"})
        assert "It is 100 % too large." in answer.text


def test_sizes_and_times_are_written_as_the_language_does(client: FlaskClient, job: Job) -> None:
    pages = {
        language: client.get(f"/jobs/{job.id}/", headers={**PAGE, "Accept-Language": language}).text
        for language in ("en", "de", "ja")
    }
    assert "1 sec" in pages["en"]
    assert "1 Sek." in pages["de"]
    assert "年" in pages["ja"]
    for page in pages.values():
        assert '<time datetime="2' in page


# -- everything is translated ------------------------------------------------------------------------------

NAMES = re.compile("chromi|google|h264|mov", re.IGNORECASE)


class Words(HTMLParser):
    """Collects what a person reads or hears of a page: its text, and the attributes that are read aloud."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [
            value or "" for name, value in attrs if name in ("alt", "aria-label", "placeholder", "title")
        ]

    def handle_data(self, data: str) -> None:
        self.found.append(data)


def untranslated(page: str) -> list[str]:
    """List what has letters and is not in the brackets that the pseudo language puts around each sentence."""
    words, depth, left = Words(), 0, []
    words.feed(page)
    for text in words.found:
        depth += text.count("⟦")
        if depth == 0 and re.search(r"[^\W\d]{3}", NAMES.sub("", text)):
            left.append(text.strip())
        depth -= text.count("⟧")
    return left


@pytest.fixture
def pseudo(app: Flask, tmp_path: Path) -> FlaskClient:
    """A reader of a language in which every sentence is ⟦the English one⟧."""
    catalog = extract_messages()
    catalog.locale = "de"
    for message in catalog:
        if message.id:
            is_many = isinstance(message.id, tuple)
            message.string = tuple(f"⟦{text}⟧" for text in message.id) if is_many else f"⟦{message.id}⟧"
    path = tmp_path / "pseudo" / "de" / "LC_MESSAGES" / "messages.mo"
    path.parent.mkdir(parents=True)
    path.write_bytes(to_mo(catalog))
    app.extensions["babel"].translation_directories = [str(tmp_path / "pseudo")]
    client = app.test_client()
    client.environ_base.update(HTTP_ACCEPT_LANGUAGE="de", HTTP_ACCEPT="text/html")
    return client


def assert_translated(pseudo: FlaskClient, *addresses: str) -> None:
    for address in addresses:
        page = pseudo.get(address).text
        assert "⟦" in page, address
        assert untranslated(page) == [], address


def test_the_way_to_a_background_is_translated(pseudo: FlaskClient, client: FlaskClient, upload: str) -> None:
    begun = client.post("/uploads/resumable/", headers={"Tus-Resumable": "1.0.0", "Upload-Length": "1000"})
    assert_translated(pseudo, "/", begun.headers["Location"], f"/uploads/{upload}/", "/nothing/")


@pytest.mark.slow
@pytest.mark.parametrize("kind", JobKind)
@pytest.mark.parametrize("state", [state for state in State if state != State.SUCCESS])
def test_a_job_in_each_state_is_translated(
    pseudo: FlaskClient, upload: str, kind: JobKind, state: State
) -> None:
    row = Job.create(
        upload=Upload.find(upload), kind=kind, options_json=ConversionOptions().to_dict(), state=state
    )
    assert_translated(pseudo, f"/jobs/{row.id}/")


def test_what_was_found_in_a_clip_is_translated(pseudo: FlaskClient, upload: str) -> None:
    results = {
        JobKind.LOOPS: {
            "loops": [{"start_s": 0.5, "duration_s": 1.0, "score": score} for score in (97, 85, 60, 9)]
        },
        JobKind.ESTIMATE: {"estimates": {"small": 1_000_000, "balanced": 2_000_000, "best": 3_000_000}},
    }
    for kind, found in results.items():
        row = Job.create(
            upload=Upload.find(upload),
            kind=kind,
            options_json=ConversionOptions().to_dict(),
            state=State.SUCCESS,
            result_json=found,
        )
        assert_translated(pseudo, f"/jobs/{row.id}/")


def test_a_result_and_its_links_are_translated(pseudo: FlaskClient, job: Job) -> None:
    changes = (
        {},
        {"max_uses": 1},
        {"max_uses": 3},
        {"max_uses": 2, "uses": 2},
        {"max_uses": 1, "uses": 1},
        {"uses": 2},
        {"expires_at": time.time() - 1},
        {"revoked_at": time.time()},
        {"password_hash": "scrypt:1"},
    )
    for change in changes:
        Link.create(job=job, **{"expires_at": time.time() + 3600, **change})
    links = pseudo.get(f"/jobs/{job.id}/links/", headers={"Accept": "application/json"}).get_json()["links"]
    assert_translated(pseudo, f"/jobs/{job.id}/", *(link["url"] for link in links))
