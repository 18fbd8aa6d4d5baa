"""Serve the description of the HTTP API in the OpenAPI format."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Flask, Response

bp = Blueprint("openapi", __name__)

DESCRIPTION = (Path(__file__).parents[2] / "openapi.yaml").read_text()


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.get("/openapi.yaml")
def show() -> Response:
    return Response(DESCRIPTION, mimetype="application/yaml")
