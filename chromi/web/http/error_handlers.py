"""Map errors to HTTP statuses and render them."""

from __future__ import annotations

import logging
from typing import Any

from flask import Flask, Response, jsonify, make_response, render_template, request, url_for
from peewee import DatabaseError, DoesNotExist
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from chromi import errors
from chromi.db import TEMPORARY_ERRORS
from chromi.encoder import encoder_errors
from chromi.errors import (
    BadRequest,
    ChromiError,
    DatabaseDamaged,
    DiskFull,
    NotFound,
    ServiceBusy,
    UploadTooLarge,
)
from chromi.i18n import Message
from chromi.web.http import request_errors
from chromi.web.http.negotiation import PROBLEM_TYPE, accepts_problem_details, negotiate_format
from chromi.web.http.request_log import route_of_request
from chromi.web.http.translation import translate
from chromi.web.services import services

logger = logging.getLogger(__name__)

STATUS_CODES: dict[type[ChromiError], int] = {
    errors.BadRequest: 400,
    request_errors.PasswordRequired: 401,
    request_errors.TokenRequired: 401,
    request_errors.WrongApiToken: 401,
    request_errors.CrossSite: 403,
    request_errors.WrongPassword: 403,
    request_errors.WrongToken: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Gone: 410,
    request_errors.WrongTusVersion: 412,
    errors.UploadTooLarge: 413,
    errors.NotAVideo: 415,
    errors.UnsupportedMediaType: 415,
    request_errors.WrongHost: 421,
    encoder_errors.EncodeError: 422,
    request_errors.IdempotencyKeyReused: 422,
    errors.BadOptions: 422,
    errors.UploadLocked: 423,
    errors.RateLimited: 429,
    request_errors.TooManyPasswordAttempts: 429,
    request_errors.TooManyTokenAttempts: 429,
    errors.ChromiError: 500,
    encoder_errors.BrokenResult: 500,
    encoder_errors.ConverterKilled: 500,
    encoder_errors.FfmpegMissing: 500,
    encoder_errors.WorkerDied: 500,
    errors.DatabaseDamaged: 503,
    errors.ServiceBusy: 503,
    errors.ServiceUnhealthy: 503,
    errors.DiskFull: 503,
}
"""The status for these classes and their subclasses."""

FORM_TOO_LARGE = Message("The form contains too much data. Send one file and the options only.")

_HTTP_ERROR_MESSAGES = {
    400: Message("The request could not be read. It may have been interrupted; please try again."),
    405: Message("This URL does not support that method."),
    412: Message("The file has changed in the meantime. Please download it again."),
}


def init_app(app: Flask) -> None:
    app.register_error_handler(ChromiError, render_error)
    app.register_error_handler(HTTPException, handle_http_error)
    app.register_error_handler(DoesNotExist, lambda error: render_error(NotFound()))
    app.register_error_handler(DatabaseError, handle_database_error)
    app.register_error_handler(OSError, handle_os_error)
    app.register_error_handler(Exception, handle_unexpected_error)


def status_code_of(error: ChromiError) -> int:
    """Return the status of the nearest ancestor in STATUS_CODES."""
    return next(STATUS_CODES[each] for each in type(error).__mro__ if each in STATUS_CODES)


def render_error(error: ChromiError, **members: Any) -> Response:
    """Render an error as a page, a fragment or JSON, with its status. `members` are added to the JSON."""
    return _render(error, status_code_of(error), error.code, **members)


def render_form_error(error: ChromiError, template: str, **context: Any) -> Response:
    """Show a person the form again with the error message; a program gets the plain error."""
    if negotiate_format() != "page":
        return render_error(error)
    page = make_response(render_template(template, error=error.user_message, **context))
    return _set_status(page, error, status_code_of(error))


def _render(error: ChromiError, status_code: int, code: str, **members: Any) -> Response:
    if error.detail or status_code >= 500:
        logger.warning("%s %s: %s", request.method, route_of_request(), error)
    format_ = negotiate_format()
    if format_ == "json":
        message = translate(error.user_message)
        body: Any = _render_json(status_code, {"error": {"code": code, "message": message}, **members})
    else:
        context = {
            "status_code": status_code,
            "code": code,
            "title": error.title,
            "message": error.user_message,
        }
        body = render_template("_error.html" if format_ == "fragment" else "error.html", error=context)
    return _set_status(make_response(body), error, status_code)


def _render_json(status_code: int, content: dict[str, Any]) -> Response:
    """Render the JSON of an error, as problem details (RFC 9457) for a client that accepts them."""
    if not accepts_problem_details():
        return jsonify(content)
    code, message = content["error"].values()
    response = jsonify(
        type=url_for("openapi.show", _anchor=code),
        title=HTTP_STATUS_CODES[status_code],
        status=status_code,
        detail=message,
        **content,
    )
    response.mimetype = PROBLEM_TYPE
    return response


def _set_status(response: Response, error: ChromiError, status_code: int) -> Response:
    response.status_code = status_code
    if status_code == 401:
        # HTTP requires a scheme. Browsers do not know "Form", so they show no dialog.
        is_api_token = isinstance(error, request_errors.WrongApiToken)
        response.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"' if is_api_token else "Form"
    if status_code in (429, 503):
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response


def body_too_large() -> ChromiError:
    """Return what Werkzeug found too large: the whole body, or the fields besides the file."""
    if (request.content_length or 0) > (request.max_content_length or 0):
        return UploadTooLarge.over(services().settings.max_upload_mb)
    return BadRequest(FORM_TOO_LARGE)


def handle_http_error(error: HTTPException) -> Response:
    """Render errors from Flask and Werkzeug like our own."""
    status_code = error.code or 500
    if status_code < 400:
        return make_response(error.get_response())  # a redirect, for example for // in the path
    if status_code == 413:
        return render_error(body_too_large())
    if status_code == 404:
        return render_error(NotFound())
    ours = BadRequest(_HTTP_ERROR_MESSAGES.get(status_code)) if status_code < 500 else ChromiError()
    response = _render(ours, status_code, error.name.lower().replace(" ", "_"))
    for name, value in error.get_headers():
        if name != "Content-Type":
            response.headers[name] = value  # for example Allow, or Content-Range for 416
    return response


def handle_database_error(error: DatabaseError) -> Response:
    """Distinguish a damaged database, a full disk, and a lock that another process holds briefly."""
    if type(error) is DatabaseError:  # SQLite raises this class for a file that is not a database
        logger.error("the database is damaged: %s", error)
        return render_error(DatabaseDamaged())
    if not isinstance(error, TEMPORARY_ERRORS):
        return handle_unexpected_error(error)
    logger.warning("database error: %s", error)
    # SQLite reports a full disk with several messages: failure to write, grow or create a file.
    is_full = "locked" not in str(error) and services().storage.is_full()
    return render_error(DiskFull() if is_full else ServiceBusy())


def handle_os_error(error: OSError) -> Response:
    disk_full = DiskFull.from_os_error(error)
    return render_error(disk_full) if disk_full else handle_unexpected_error(error)


def handle_unexpected_error(error: Exception) -> Response:
    """Log an unexpected error with its traceback, but do not show any of it."""
    logger.exception("%s %s failed", request.method, route_of_request(), exc_info=error)
    return render_error(ChromiError())
