"""Is it well? For load balancers, monitors and people."""

from __future__ import annotations

from flask import Blueprint, Flask, Response, jsonify

from chromi.checks import Check, check_service
from chromi.config import VERSION
from chromi.web.services import services

bp = Blueprint("health", __name__)


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.get("/health/", strict_slashes=False)
@bp.get("/healthz/", strict_slashes=False)
def show() -> Response:
    """200 when everything that a conversion needs is there, else 503; always what was found."""
    checks = check_service(services().settings, services().queue)
    return _answer(checks, **{check.name: {"ok": check.ok, "detail": check.detail} for check in checks})


@bp.get("/health/live", strict_slashes=False)
def live() -> Response:
    """200 as long as the web server answers at all: it looks at nothing, so a silence needs a restart."""
    return jsonify(status="ok")


@bp.get("/health/ready", strict_slashes=False)
def ready() -> Response:
    """200 when it can take work, else 503 with what is wrong: the same looks as /health/, in few bytes."""
    checks = check_service(services().settings, services().queue)
    return _answer(checks, wrong={check.name: check.detail for check in checks if not check.ok})


def _answer(checks: list[Check], **found: object) -> Response:
    well = all(check.ok for check in checks)
    response = jsonify(status="ok" if well else "unavailable", version=VERSION, **found)
    response.status_code = 200 if well else 503
    return response
