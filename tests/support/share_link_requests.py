"""Create, list and extend share links through the HTTP interface."""

from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chromi.db import Job, Link


def create_link(client: FlaskClient, job: Job, **options: str) -> dict[str, Any]:
    """Create a share link and return its JSON."""
    response = client.post(f"/jobs/{job.id}/links/", data=options)
    assert response.status_code == 201
    body: dict[str, Any] = response.get_json()
    return body


def list_links(client: FlaskClient, job: Job) -> list[dict[str, Any]]:
    links: list[dict[str, Any]] = client.get(f"/jobs/{job.id}/links/").get_json()["links"]
    return links


def extend_link(client: FlaskClient, link: dict[str, Any], **options: str) -> TestResponse:
    return client.post(link["extend_url"], data=options)


def expiry_of(link: dict[str, Any]) -> float:
    return float(Link.find(link["link_id"]).expires_at)
