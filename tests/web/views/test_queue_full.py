"""A full queue rejects jobs with 503, and the pages keep the chosen options."""

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from chromi.config import Settings
from chromi.db import Job, JobKind, State, Upload
from chromi.encoder import ConversionOptions
from chromi.storage import Storage
from tests.support.http_forms import FRAGMENT, PAGE, PostForm, files_in

pytestmark = pytest.mark.slow


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(instance=tmp_path / "instance", inline=True, max_queue=2)


@pytest.fixture
def waiting(app: Flask) -> list[Job]:
    """As many queued jobs as the limit allows."""
    return [Job.create(options_json=ConversionOptions().to_dict()) for _ in range(2)]


@pytest.mark.usefixtures("waiting")
@pytest.mark.parametrize("kind", ["jobs", "estimates", "loops", "previews"])
def test_job_beyond_the_limit_gets_503_with_retry_after(client: FlaskClient, upload: str, kind: str) -> None:
    response = client.post(f"/uploads/{upload}/{kind}/")
    assert (response.status_code, response.get_json()["error"]["code"]) == (503, "queue_full")
    assert response.headers["Retry-After"] == "60"
    assert Job.select().count() == 2


@pytest.mark.usefixtures("waiting")
def test_page_keeps_the_chosen_options(client: FlaskClient, upload: str) -> None:
    choices = {"start_time": "00:00:01.500", "quality": "best", "loop": "crossfade"}
    page = client.post(f"/uploads/{upload}/jobs/", data=choices, headers=PAGE)
    assert page.status_code == 503
    assert "The queue is full" in page.text
    assert 'value="00:00:01.500"' in page.text
    for chosen in ("best", "crossfade"):
        assert f'value="{chosen}" checked' in page.text


@pytest.mark.usefixtures("waiting")
def test_rejected_conversion_cancels_no_other_job(client: FlaskClient, upload: str) -> None:
    preview = Job.create(upload=upload, kind=JobKind.PREVIEW, options_json=ConversionOptions().to_dict())
    assert client.post(f"/uploads/{upload}/jobs/").status_code == 503
    assert Job.find(preview.id).state == State.QUEUED


@pytest.mark.usefixtures("waiting")
def test_fragment_has_a_retry_button(client: FlaskClient, upload: str) -> None:
    response = client.post(f"/uploads/{upload}/jobs/", headers=FRAGMENT)
    assert response.status_code == 503
    assert "Try again" in response.text


@pytest.mark.usefixtures("waiting")
def test_rejected_one_shot_upload_is_removed(convert: PostForm, storage: Storage) -> None:
    response = convert(duration="1")
    assert (response.status_code, response.get_json()["error"]["code"]) == (503, "queue_full")
    assert files_in(storage) == []
    assert Upload.select().count() == 0


def test_running_job_does_not_count(client: FlaskClient, upload: str, waiting: list[Job]) -> None:
    assert Job.claim(waiting[0].id, "worker-1")
    response = client.post(f"/uploads/{upload}/loops/")
    assert response.status_code == 202
    assert Job.find(response.get_json()["job_id"]).state == State.SUCCESS
