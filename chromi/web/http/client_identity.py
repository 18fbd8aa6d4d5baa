"""Identify the client that a request's limits apply to: by its API token, or else by its address."""

from __future__ import annotations

from flask import Flask, request
from werkzeug.datastructures import Authorization

from chromi.admission.admission_control import AdmissionControl
from chromi.web.http.request_errors import WrongApiToken
from chromi.web.services import services

TOKEN_PATHS = ("/convert", "/uploads", "/jobs", "/batches", "/download")
"""The paths that API tokens apply to. Elsewhere, `Authorization` may contain the admin token."""


def init_app(app: Flask) -> None:
    app.before_request(check_api_token)


def identify_client() -> str | None:
    """Return the client's name, or None for local clients without a token, which have no limits."""
    return services().admission.client_of(request.remote_addr, _api_token())


def check_api_token() -> None:
    """Raise WrongApiToken if the request has a token that is not one of CHROMI_API_TOKENS."""
    require_known_token(_api_token(), services().admission)


def require_known_token(token: str | None, admission: AdmissionControl) -> None:
    """Raise WrongApiToken for an unknown token. Without CHROMI_API_TOKENS, tokens are ignored."""
    if token is not None and admission.settings.api_tokens and not admission.is_api_token(token):
        raise WrongApiToken


def parse_api_token(path: str, header: str | None) -> str | None:
    """Return the token in an Authorization header of a request to this path, or None without one."""
    credentials = parse_credentials(header) if path.startswith(TOKEN_PATHS) else None
    is_bearer = credentials is not None and credentials.type == "bearer"
    return credentials.token or "" if credentials and is_bearer else None


def parse_credentials(header: str | None) -> Authorization | None:
    """Return the credentials in an Authorization header, or None without any or if they are malformed."""
    try:
        return Authorization.from_header(header)
    except ValueError:  # `Basic` with other characters than ASCII
        return None


def _api_token() -> str | None:
    return parse_api_token(request.path, request.headers.get("Authorization"))
