"""Is it well? For load balancers, monitors and people."""

from __future__ import annotations

from flask import Blueprint, Flask, Response, jsonify

from chromi.checks import check_service
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
    well = all(check.ok for check in checks)
    response = jsonify(
        status="ok" if well else "unavailable",
        version=VERSION,
        **{check.name: {"ok": check.ok, "detail": check.detail} for check in checks},
    )
    response.status_code = 200 if well else 503
    return response
