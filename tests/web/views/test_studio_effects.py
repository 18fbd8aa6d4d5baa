"""The studio has controls for the effects, and passes on whether bars are cropped."""

import re

import pytest
from flask.testing import FlaskClient

from tests.support.http_forms import PAGE

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("name", "value", "limits"),
    [
        ("zoom", "1.5", ("1", "3")),
        ("blur", "2", ("0", "20")),
        ("brightness", "120", ("50", "150")),
        ("saturation", "0", ("0", "200")),
        ("darken", "30", ("0", "60")),
    ],
)
def test_each_effect_has_a_slider(
    client: FlaskClient, upload: str, name: str, value: str, limits: tuple[str, str]
) -> None:
    page = client.get(f"/uploads/{upload}/", query_string={name: value}, headers=PAGE).text
    slider = re.search(rf'<input id="{name}" type="range"[^>]*>', page)
    assert slider
    assert f'min="{limits[0]}" max="{limits[1]}"' in slider[0]
    assert f'value="{value}"' in slider[0]


def test_studio_passes_on_cropped_bars(client: FlaskClient, upload: str) -> None:
    page = client.get(f"/uploads/{upload}/?crop_bars=auto", headers=PAGE).text
    assert '<input type="hidden" name="crop_bars" value="auto">' in page


def test_invalid_effects_are_named(client: FlaskClient, upload: str) -> None:
    response = client.post(f"/uploads/{upload}/jobs/", data={"darken": "61", "crop_bars": "always"})
    assert response.status_code == 422
    message = response.get_json()["error"]["message"]
    assert "darken must be a number between 0 and 60" in message
    assert "crop_bars must be auto or off" in message
