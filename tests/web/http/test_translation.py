"""Pages and errors are in the language that the browser prefers, and all of their text is translated."""

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
from tests.support import tus_client
from tests.support.http_forms import PAGE, form

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("accept_language", "language"),
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
def test_page_is_in_the_preferred_language(
    client: FlaskClient, accept_language: str | None, language: str
) -> None:
    headers = {**PAGE, **({"Accept-Language": accept_language} if accept_language else {})}
    page = client.get("/", headers=headers)
    assert f'<html lang="{language}">' in page.text
    assert page.headers["Content-Language"] == language
    assert "Accept-Language" in page.headers["Vary"]


def test_json_error_is_translated(client: FlaskClient) -> None:
    german = {"Accept-Language": "de"}
    english = client.post("/uploads/", **form(b"no video")).get_json()["error"]
    error = client.post("/uploads/", **form(b"no video"), headers=german).get_json()["error"]
    assert error["code"] == english["code"]
    assert english["message"] == NotAVideo.user_message
    assert error["message"] != english["message"]


def test_error_of_a_job_is_translated_for_each_reader(client: FlaskClient) -> None:
    row = Job.create(options_json={}, state=State.QUEUED)
    job = Job.claim(row.id, "worker-1")
    assert job
    job.fail(CannotFit.under(2_500_000, 3_456_789))
    english, german = (
        client.get(f"/jobs/{job.id}/", headers={"Accept-Language": language}).get_json()["error"]["message"]
        for language in ("en", "de")
    )
    assert "limit is 2.5 MB" in english
    assert "smaller than 3.5 MB" in english
    german = german.replace("\N{NO-BREAK SPACE}", " ")
    assert "2,5 MB" in german
    assert "3,5 MB" in german


def test_error_without_translation_is_shown_unchanged(client: FlaskClient) -> None:
    job = Job.create(
        options_json={}, state=State.FAILED, error_code="cannot_fit", error_message="It is 100 % too large."
    )
    for accept in (PAGE, {"Accept": "application/json"}):
        response = client.get(f"/jobs/{job.id}/", headers={**accept, "Accept-Language": "fr"})
        assert "It is 100 % too large." in response.text


def test_sizes_and_times_are_formatted_for_the_language(client: FlaskClient, job: Job) -> None:
    pages = {
        language: client.get(f"/jobs/{job.id}/", headers={**PAGE, "Accept-Language": language}).text
        for language in ("en", "de", "ja")
    }
    assert "1 sec" in pages["en"]
    assert "1 Sek." in pages["de"]
    assert "年" in pages["ja"]
    for page in pages.values():
        assert '<time datetime="2' in page


# -- everything is translated --------------------------------------------------------------------------------

NAMES = re.compile("chromi|google|h264|mov|Sek", re.IGNORECASE)
"""Names, and the German unit of a length, which is not a message: it is Babel's."""


class TextCollector(HTMLParser):
    """Collects the text of a page and the attributes that browsers show or screen readers read."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.texts += [
            value or "" for name, value in attrs if name in ("alt", "aria-label", "placeholder", "title")
        ]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def find_untranslated(page: str) -> list[str]:
    """List the text outside the brackets that the pseudolocale puts around each message."""
    collector, depth, found = TextCollector(), 0, []
    collector.feed(page)
    for text in collector.texts:
        depth += text.count("⟦")
        if depth == 0 and re.search(r"[^\W\d]{3}", NAMES.sub("", text)):
            found.append(text.strip())
        depth -= text.count("⟧")
    return found


@pytest.fixture(scope="module")
def pseudolocale(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of translations; its German translates every message to ⟦the English one⟧."""
    catalog = extract_messages()
    catalog.locale = "de"
    for message in catalog:
        if message.id:
            is_many = isinstance(message.id, tuple)
            message.string = tuple(f"⟦{text}⟧" for text in message.id) if is_many else f"⟦{message.id}⟧"
    folder = tmp_path_factory.mktemp("pseudo")
    path = folder / "de" / "LC_MESSAGES" / "messages.mo"
    path.parent.mkdir(parents=True)
    path.write_bytes(to_mo(catalog))
    return folder


@pytest.fixture
def pseudo_client(app: Flask, pseudolocale: Path) -> FlaskClient:
    """A client whose language is the pseudolocale."""
    app.extensions["babel"].translation_directories = [str(pseudolocale)]
    client = app.test_client()
    client.environ_base.update(HTTP_ACCEPT_LANGUAGE="de", HTTP_ACCEPT="text/html")
    return client


def assert_translated(client: FlaskClient, *paths: str) -> None:
    for path in paths:
        page = client.get(path).text
        assert "⟦" in page, path
        assert find_untranslated(page) == [], path


def test_upload_pages_are_translated(pseudo_client: FlaskClient, client: FlaskClient, upload: str) -> None:
    created = tus_client.create(client, 1000)
    assert_translated(pseudo_client, "/", created.location, f"/uploads/{upload}/", "/nothing/")


@pytest.mark.parametrize("kind", JobKind)
@pytest.mark.parametrize("state", [state for state in State if state != State.SUCCESS])
def test_job_page_is_translated_in_each_state(
    pseudo_client: FlaskClient, upload: str, kind: JobKind, state: State
) -> None:
    row = Job.create(
        upload=Upload.find(upload), kind=kind, options_json=ConversionOptions().to_dict(), state=state
    )
    assert_translated(pseudo_client, f"/jobs/{row.id}/")


def test_loops_and_estimates_are_translated(pseudo_client: FlaskClient, upload: str) -> None:
    results = {
        JobKind.LOOPS: {
            "loops": [{"start_s": 0.5, "duration_s": 1.0, "score": score} for score in (97, 85, 60, 9)]
        },
        JobKind.ESTIMATE: {"estimates": {"small": 1_000_000, "balanced": 2_000_000, "best": 3_000_000}},
    }
    for kind, result in results.items():
        row = Job.create(
            upload=Upload.find(upload),
            kind=kind,
            options_json=ConversionOptions().to_dict(),
            state=State.SUCCESS,
            result_json=result,
        )
        assert_translated(pseudo_client, f"/jobs/{row.id}/")


def test_result_and_its_links_are_translated(pseudo_client: FlaskClient, job: Job) -> None:
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
    response = pseudo_client.get(f"/jobs/{job.id}/links/", headers={"Accept": "application/json"})
    links = [link["url"] for link in response.get_json()["links"]]
    assert_translated(pseudo_client, f"/jobs/{job.id}/", *links)
