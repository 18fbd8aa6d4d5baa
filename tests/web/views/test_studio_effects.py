"""The studio passes on the options for which it has no controls."""

from flask.testing import FlaskClient

from tests.support.http_forms import PAGE


def test_studio_passes_on_options_without_controls(client: FlaskClient, upload: str) -> None:
    query = {
        "zoom": "1.5",
        "crop_bars": "auto",
        "blur": "2",
        "brightness": "120",
        "saturation": "0",
        "darken": "30",
    }
    page = client.get(f"/uploads/{upload}/", query_string=query, headers=PAGE).text
    for name, value in query.items():
        assert f'<input type="hidden" name="{name}" value="{value}">' in page
    plain = client.get(f"/uploads/{upload}/", headers=PAGE).text
    assert '<input type="hidden" name="brightness" value="100">' in plain


def test_invalid_effects_are_named(client: FlaskClient, upload: str) -> None:
    response = client.post(f"/uploads/{upload}/jobs/", data={"darken": "61", "crop_bars": "always"})
    assert response.status_code == 422
    message = response.get_json()["error"]["message"]
    assert "darken must be a number between 0 and 60" in message
    assert "crop_bars must be auto or off" in message
