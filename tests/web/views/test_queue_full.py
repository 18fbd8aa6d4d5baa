"""A queue that is full says so, keeps what was chosen, and takes the next job once there is room."""

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from chromi.config import Settings
from chromi.db import Job, State, Upload
from chromi.encoder import ConversionOptions
from chromi.storage import Storage
from tests.support.http_forms import FRAGMENT, PAGE, PostForm, files_in


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(instance=tmp_path / "instance", inline=True, max_queue=2)


@pytest.fixture
def waiting(app: Flask) -> list[Job]:
    """As many jobs of other people as may wait."""
    return [Job.create(options_json=ConversionOptions().to_dict()) for _ in range(2)]


@pytest.mark.usefixtures("waiting")
@pytest.mark.parametrize("kind", ["jobs", "estimates", "loops", "previews"])
def test_one_job_more_is_refused_for_the_moment(client: FlaskClient, upload: str, kind: str) -> None:
    answer = client.post(f"/uploads/{upload}/{kind}/")
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (503, "queue_full")
    assert answer.headers["Retry-After"] == "60"
    assert Job.select().count() == 2


@pytest.mark.usefixtures("waiting")
def test_the_form_keeps_its_choices_without_script(client: FlaskClient, upload: str) -> None:
    choices = {"start_time": "00:00:01.500", "quality": "best", "loop": "crossfade"}
    page = client.post(f"/uploads/{upload}/jobs/", data=choices, headers=PAGE)
    assert page.status_code == 503
    assert "Too many clips are waiting" in page.text
    assert 'value="00:00:01.500"' in page.text
    for chosen in ("best", "crossfade"):
        assert f'value="{chosen}" checked' in page.text


@pytest.mark.usefixtures("waiting")
def test_the_fragment_has_a_button_that_tries_again(client: FlaskClient, upload: str) -> None:
    answer = client.post(f"/uploads/{upload}/jobs/", headers=FRAGMENT)
    assert answer.status_code == 503
    assert "Try again" in answer.text


@pytest.mark.usefixtures("waiting")
def test_a_one_shot_upload_that_is_refused_leaves_nothing(convert: PostForm, storage: Storage) -> None:
    answer = convert(duration="1")
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (503, "queue_full")
    assert files_in(storage) == []
    assert Upload.select().count() == 0


def test_what_runs_or_has_ended_takes_no_place(client: FlaskClient, upload: str, waiting: list[Job]) -> None:
    assert Job.claim(waiting[0].id, "worker-1")
    answer = client.post(f"/uploads/{upload}/loops/")
    assert answer.status_code == 202
    assert Job.find(answer.get_json()["job_id"]).state == State.SUCCESS
