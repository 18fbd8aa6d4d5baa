"""Is it well? For load balancers, monitors and people.

Everybody is told whether all is well, and which parts are not. Details (versions, free disk, the sandbox) are
for the machine itself and for clients that show the admin token; for others they are null.
"""

from __future__ import annotations

from flask import Blueprint, Flask, Response, jsonify

from chromi.config import VERSION
from chromi.monitoring.health_checks import Check, check_service
from chromi.web.http import trusted_proxy
from chromi.web.services import services
from chromi.web.views import admin

bp = Blueprint("health", __name__)


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.get("/health/", strict_slashes=False)
@bp.get("/healthz/", strict_slashes=False)
def show() -> Response:
    """200 when everything that a conversion needs is there, else 503; always what was found."""
    may_see = _may_see_details()
    checks = check_service(services().settings, services().queue)
    found = {check.name: {"ok": check.ok, "detail": check.detail if may_see else None} for check in checks}
    return _answer(checks, may_see, **found)


@bp.get("/health/live", strict_slashes=False)
def live() -> Response:
    """200 as long as the web server answers at all: it looks at nothing, so a silence needs a restart."""
    return jsonify(status="ok")


@bp.get("/health/ready", strict_slashes=False)
def ready() -> Response:
    """200 when it can take work, else 503 with what is wrong: the same looks as /health/, in few bytes."""
    may_see = _may_see_details()
    checks = check_service(services().settings, services().queue)
    wrong = {check.name: check.detail if may_see else None for check in checks if not check.ok}
    return _answer(checks, may_see, wrong=wrong)


def _may_see_details() -> bool:
    """Raises WrongToken and TooManyTokens for a token that is not the admin's."""
    return admin.shows_token() or trusted_proxy.is_own_machine()


def _answer(checks: list[Check], may_see: bool, **found: object) -> Response:
    well = all(check.ok for check in checks)
    version = VERSION if may_see else None
    response = jsonify(status="ok" if well else "unavailable", version=version, **found)
    response.status_code = 200 if well else 503
    return response
