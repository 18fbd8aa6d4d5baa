"""Health checks for load balancers, monitors and people.

Everyone can see whether the service is healthy and which checks fail. Details (versions, free disk space, the
sandbox) are shown only to local clients and to those that send the admin token; for others, they are null.
"""

from __future__ import annotations

from flask import Blueprint, Flask, Response, jsonify

from chromi.config import VERSION
from chromi.monitoring.health_checks import Check, check_service
from chromi.web.auth import admin_token
from chromi.web.http import trusted_proxy
from chromi.web.services import services

bp = Blueprint("health", __name__)


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.get("/health/", strict_slashes=False)
@bp.get("/healthz/", strict_slashes=False)
def show() -> Response:
    """Return 200 if everything that a conversion needs works, otherwise 503; always list all checks."""
    shows_details = _shows_details()
    checks = check_service(services().settings, services().queue, services().storage)
    results = {
        check.name: {"ok": check.ok, "detail": check.detail if shows_details else None} for check in checks
    }
    return _respond(checks, shows_details, **results)


@bp.get("/health/live", strict_slashes=False)
def live() -> Response:
    """Return 200 as long as the web server responds.

    It checks nothing, so no response means that a restart is needed.
    """
    return jsonify(status="ok")


@bp.get("/health/ready", strict_slashes=False)
def ready() -> Response:
    """Return 200 if the service can accept jobs, otherwise 503; list only failed checks of /health/."""
    shows_details = _shows_details()
    checks = check_service(services().settings, services().queue, services().storage)
    failed = {check.name: check.detail if shows_details else None for check in checks if not check.ok}
    return _respond(checks, shows_details, wrong=failed)


def _shows_details() -> bool:
    """Return whether to show details. Raises WrongToken and TooManyTokenAttempts."""
    return admin_token.has_bearer_token() or trusted_proxy.is_local_request()


def _respond(checks: list[Check], shows_details: bool, **content: object) -> Response:
    is_healthy = all(check.ok for check in checks)
    version = VERSION if shows_details else None
    response = jsonify(status="ok" if is_healthy else "unavailable", version=version, **content)
    response.status_code = 200 if is_healthy else 503
    return response
