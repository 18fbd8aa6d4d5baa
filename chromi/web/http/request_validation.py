"""Charge uploads, and reject cross-site requests, wrong hosts and unsupported bodies before the view runs."""

from __future__ import annotations

from flask import Flask, request
from werkzeug.sansio.utils import host_is_trusted

from chromi.errors import BadRequest, UnsupportedMediaType
from chromi.web.http.client_identity import identify_client
from chromi.web.http.cors import is_allowed_script
from chromi.web.http.request_errors import CrossSite, WrongHost
from chromi.web.http.request_log import MONITORING_ENDPOINTS
from chromi.web.services import services

MAX_FORM_BYTES = 1_000_000
"""The maximum size of a form excluding its file: boundaries, headers and the other fields."""

REJECTION_KEY = "chromi.rejection"
"""The environ key for the ChromiError with which the server rejected a request without reading its body."""

UPLOAD_ENDPOINTS = ("uploads.create", "uploads.convert")
"""Endpoints that receive a clip as a form. All other forms are small."""

MAX_BOUNDARY_LENGTH = 70
"""RFC 2046, section 5.1.1. Python caches Werkzeug's expression for it: 0.75 MB for a boundary of 32 kB."""

FORM_TYPES = ("multipart/form-data", "application/x-www-form-urlencoded")


def init_app(app: Flask) -> None:
    app.before_request(raise_rejection)
    app.before_request(charge_upload)
    app.before_request(check_host)
    app.before_request(check_same_site)
    app.before_request(check_boundary)
    app.before_request(check_body_type)


def raise_rejection() -> None:
    """Raise the error with which the server rejected the request, so it is rendered like any other error."""
    if rejection := request.environ.get(REJECTION_KEY):
        raise rejection


def charge_upload() -> None:
    """Charge the body of an upload to the client's quota, whatever it contains and whatever the response is.

    Raises RateLimited. Framing is charged too, but no clip costs more than the size that the quota allows.
    """
    if request.method == "POST" and request.endpoint in UPLOAD_ENDPOINTS:
        received_bytes = min(request.content_length or 0, services().settings.max_upload_bytes)
        services().admission.charge_bytes(identify_client(), received_bytes)


def check_host() -> None:
    """Raise WrongHost if the hostname is not ours, because share links start with the requested hostname.

    Flask's TRUSTED_HOSTS would also reject load balancers that request `/health/` by IP address, and its
    error cannot be rendered.
    """
    hosts = services().settings.trusted_hosts
    if request.endpoint in MONITORING_ENDPOINTS:
        return
    if hosts and not host_is_trusted(request.host, hosts):
        raise WrongHost
    if not request.host:
        raise BadRequest  # the Host header is not a valid host


def check_same_site() -> None:
    """Raise CrossSite if a request from another site's page would change something.

    This follows the rule of Go 1.25's CrossOriginProtection: check Sec-Fetch-Site if the browser sends it, or
    else compare Origin with Host. A client that sends neither is not a browser and has no visitor's session.
    Scripts of CHROMI_CORS_ORIGINS are allowed to use the API, but forms on these sites are not.
    """
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site is not None:
        is_allowed = site in ("same-origin", "none")
    else:
        is_allowed = origin is None or origin.partition("://")[2] == request.host
    if not is_allowed and not is_allowed_script():
        raise CrossSite


def check_boundary() -> None:
    """Raise BadRequest for a form whose boundary is too long."""
    if len(request.mimetype_params.get("boundary", "")) > MAX_BOUNDARY_LENGTH:
        raise BadRequest


def check_body_type() -> None:
    """Raise UnsupportedMediaType for a body that is not a form: its options would be silently ignored."""
    if request.method == "POST" and request.content_length and request.mimetype not in FORM_TYPES:
        raise UnsupportedMediaType
