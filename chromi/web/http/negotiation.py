"""Negotiate the response format of a resource: a page, an HTMX fragment or JSON."""

from __future__ import annotations

from typing import Any, Literal

from flask import Flask, Response, jsonify, make_response, redirect, request

Format = Literal["page", "fragment", "json"]

PROBLEM_TYPE = "application/problem+json"


def init_app(app: Flask) -> None:
    app.after_request(add_vary)


def negotiate_format() -> Format:
    """Return the format for this client: a fragment for HTMX, a page for a browser, JSON for any other."""
    if request.headers.get("HX-Request") == "true":
        return "fragment"
    best = request.accept_mimetypes.best_match(("application/json", PROBLEM_TYPE, "text/html"))
    return "page" if best == "text/html" else "json"


def accepts_problem_details() -> bool:
    """True if the client asks for errors as problem details (RFC 9457) by name; a wildcard does not count."""
    return any(name.lower() == PROBLEM_TYPE and quality > 0 for name, quality in request.accept_mimetypes)


def add_vary(response: Response) -> Response:
    if request.endpoint != "static" or response.status_code >= 400:
        response.vary.update(("Accept", "HX-Request"))
    return response


def redirect_or_json(url: str, body: dict[str, Any], status: int) -> Response:
    """Redirect a browser to `url`; return `body` with `status` to a program."""
    if negotiate_format() == "json":
        return make_response(jsonify(body), status)
    return redirect_browser(url)


def redirect_browser(url: str) -> Response:
    """Redirect a page or a fragment to `url`."""
    if negotiate_format() == "fragment":
        return Response(status=204, headers={"HX-Redirect": url})
    return make_response(redirect(url, 303))
