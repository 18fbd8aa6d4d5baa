"""One answer as page, fragment or JSON; errors likewise, rendered in this one place."""

from __future__ import annotations

import logging
from typing import Any, Literal

from flask import Flask, Response, jsonify, make_response, redirect, render_template, request
from peewee import DatabaseError, DoesNotExist, OperationalError
from werkzeug.exceptions import HTTPException

from chromi.encoder.encoder_errors import DiskFull
from chromi.errors import BadRequest, ChromiError, DatabaseDamaged, NotFound, ServiceBusy, UploadTooLarge
from chromi.i18n import Message
from chromi.web.http.request_log import shown_path
from chromi.web.http.translation import say
from chromi.web.services import services

logger = logging.getLogger(__name__)

LARGE_FORM = Message("This form has more in it than ours. Send one file and the options, nothing else.")

Kind = Literal["page", "fragment", "json"]


def init_app(app: Flask) -> None:
    app.register_error_handler(ChromiError, render_error)
    app.register_error_handler(HTTPException, answer_http_error)
    app.register_error_handler(DoesNotExist, lambda error: render_error(NotFound()))
    app.register_error_handler(DatabaseError, answer_database_error)
    app.register_error_handler(OSError, answer_system_error)
    app.register_error_handler(Exception, answer_unexpected_error)
    app.after_request(name_what_varies)


def negotiate_format() -> Kind:
    """Say what this client wants: HTMX a fragment, a browser a page, anything else JSON."""
    if request.headers.get("HX-Request") == "true":
        return "fragment"
    best = request.accept_mimetypes.best_match(("application/json", "text/html"))
    return "page" if best == "text/html" else "json"


def name_what_varies(response: Response) -> Response:
    if request.endpoint != "static" or response.status_code >= 400:
        response.vary.update(("Accept", "HX-Request"))
    return response


def redirect_to(url: str, body: dict[str, Any], status: int) -> Response:
    """Send a person on to `url`; a program gets the JSON body with its status instead."""
    kind = negotiate_format()
    if kind == "json":
        return make_response(jsonify(body), status)
    if kind == "fragment":
        return Response(status=204, headers={"HX-Redirect": url})
    return make_response(redirect(url, 303))


def render_error(error: ChromiError) -> Response:
    """Render an error in the shape the client wants, with its own status."""
    if error.detail or error.status_code >= 500:
        logger.warning("%s %s: %s", request.method, shown_path(), error)
    kind = negotiate_format()
    if kind == "json":
        body: Any = jsonify(error={"code": error.code, "message": say(error.user_message)})
    else:
        shown = {"status_code": error.status_code, "code": error.code, "message": error.user_message}
        body = render_template("_error.html" if kind == "fragment" else "error.html", error=shown)
    return _with_status(make_response(body), error)


def render_form_error(error: ChromiError, template: str, **context: Any) -> Response:
    """Show a person the form again with the error's sentence in it; programs get the plain error."""
    if negotiate_format() != "page":
        return render_error(error)
    return _with_status(make_response(render_template(template, error=error.user_message, **context)), error)


def _with_status(response: Response, error: ChromiError) -> Response:
    response.status_code = error.status_code
    if error.status_code == 401:
        response.headers["WWW-Authenticate"] = "Form"  # HTTP wants a scheme; this one makes no browser ask
    if error.status_code in (429, 503):
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response


def refuse_body() -> ChromiError:
    """Say why Werkzeug found a body too large: all of it, or what stands beside the file."""
    if (request.content_length or 0) > (request.max_content_length or 0):
        return UploadTooLarge.over(services().settings.max_upload_mb)
    return BadRequest(LARGE_FORM)


def answer_http_error(error: HTTPException) -> Response:
    """Give Flask's and Werkzeug's own errors our words and shape."""
    status = error.code or 500
    if status < 400:
        return make_response(error.get_response())  # a redirect, such as for // in an address
    if status == 413:
        return render_error(refuse_body())
    if status == 404:
        return render_error(NotFound())
    ours = BadRequest(_WORDS.get(status)) if status < 500 else ChromiError()
    ours.status_code, ours.code = status, error.name.lower().replace(" ", "_")
    response = render_error(ours)
    for name, text in error.get_headers():
        if name != "Content-Type":
            response.headers[name] = text  # such as Allow, or the Content-Range of a 416
    return response


_WORDS = {
    400: Message("That request could not be read. It may have been cut off; please try again."),
    405: Message("This address does not take that kind of request."),
}


def answer_database_error(error: DatabaseError) -> Response:
    """Tell a full disk and a damaged file from a lock that another process holds for the moment."""
    if type(error) is DatabaseError:  # what SQLite says of a file that is none of its own, or not any more
        logger.error("the database is damaged: %s", error)
        return render_error(DatabaseDamaged())
    if not isinstance(error, OperationalError):
        return answer_unexpected_error(error)
    logger.warning("database: %s", error)
    # SQLite has several words for a full disk: it cannot write, grow a file, or make one.
    is_full = "locked" not in str(error) and services().storage.is_full()
    return render_error(DiskFull() if is_full else ServiceBusy())


def answer_system_error(error: OSError) -> Response:
    if DiskFull.explains(error):
        return render_error(DiskFull())
    return answer_unexpected_error(error)


def answer_unexpected_error(error: Exception) -> Response:
    """Log what nobody foresaw in full, and show none of it."""
    logger.exception("%s %s failed", request.method, shown_path(), exc_info=error)
    return render_error(ChromiError())
