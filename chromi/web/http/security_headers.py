"""Headers on every answer, and no POST from other sites."""

from __future__ import annotations

from flask import Flask, Response, request
from werkzeug.sansio.utils import host_is_trusted

from chromi.errors import BadRequest, ChromiError, UnsupportedMediaType
from chromi.i18n import Message
from chromi.web.http.request_log import CHECKS
from chromi.web.services import services

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: browsers would send `Origin: null` with our own forms. Downloads, whose addresses are
    # secrets, say so themselves.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    # What a page shows changes from one second to the next; only static files and GIFs say otherwise.
    "Cache-Control": "no-store",
}
"""On every answer, unless it says otherwise."""

FORM_BYTES = 1_000_000
"""What a form may weigh beside its file: boundaries, headers and the other fields."""

REFUSAL = "chromi.refusal"
"""Under this name the server tells of a request whose body it has not read, and why: a ChromiError."""

FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")

HSTS = "max-age=31536000"
"""A year, for this name alone: hosts decide themselves about subdomains and browsers' built-in lists."""

PUBLIC = ("uploads.index", "static", "favicon")
"""What search engines may list."""


class CrossSite(ChromiError):
    """Another site's page sent this visitor's browser here to change something."""

    status_code = 403
    code = "cross_site"
    user_message = Message(
        "This request came from another site and was refused. Open the page here and try again."
    )


class WrongHost(ChromiError):
    """The client names a host that is none of CHROMI_TRUSTED_HOSTS."""

    status_code = 421
    code = "wrong_host"
    user_message = Message("This service does not go by that name.")


def init_app(app: Flask) -> None:
    app.before_request(refuse_unread)
    app.before_request(refuse_other_hosts)
    app.before_request(refuse_cross_site)
    app.before_request(refuse_other_bodies)
    app.after_request(add_headers)


def refuse_unread() -> None:
    """Say, in the shape that the client wants, why the server did not read the body."""
    if refusal := request.environ.get(REFUSAL):
        raise refusal


def refuse_other_hosts() -> None:
    """Share links begin with the host that the client names, so let it name ours only.

    Not by Flask's TRUSTED_HOSTS: load balancers ask `/health/` by a number, and its error cannot be rendered.
    """
    hosts = services().settings.trusted_hosts
    if request.endpoint in CHECKS:
        return
    if hosts and not host_is_trusted(request.host, hosts):
        raise WrongHost
    if not request.host:
        raise BadRequest  # what was named cannot be a host


def refuse_cross_site() -> None:
    """Let nothing be changed from another site's page.

    The rule of Go 1.25's CrossOriginProtection: Sec-Fetch-Site where the browser sends it, else Origin
    against Host; a client that sends neither is no browser and carries no one's session.
    """
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site is not None:
        allowed = site in ("same-origin", "none")
    else:
        allowed = origin is None or origin.partition("://")[2] == request.host
    if not allowed:
        raise CrossSite


def refuse_other_bodies() -> None:
    """Take options from forms only: in a JSON body they would go unread, and the defaults would be done."""
    if request.method == "POST" and request.content_length and request.mimetype not in FORMS:
        raise UnsupportedMediaType


def add_headers(response: Response) -> Response:
    for name, text in HEADERS.items():
        response.headers.setdefault(name, text)
    if request.is_secure:  # as the trusted proxy tells; over http the header means nothing
        response.headers["Strict-Transport-Security"] = HSTS
    if request.endpoint not in PUBLIC:
        response.headers["X-Robots-Tag"] = "noindex"  # an address with an id in it is a secret
    return response
