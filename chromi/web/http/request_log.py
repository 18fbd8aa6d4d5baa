"""Log one line per request, except successful polls, and add the request's id to all of its log lines."""

from __future__ import annotations

import logging
import re
import secrets
import time

from flask import Flask, Response, g, request

from chromi import log
from chromi.web.http.http_counters import http_counters

logger = logging.getLogger(__name__)

HEADER = "X-Request-Id"
_VALID_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
"""The format of an id that a proxy may send. Anything else is replaced."""

UNKNOWN = "(none)"
MONITORING_ENDPOINTS = ("health.show", "health.live", "health.ready", "metrics.show")
"""Requested every few seconds by monitors, under any hostname."""
POLLED_ENDPOINTS = {
    *MONITORING_ENDPOINTS,
    *("jobs.status", "clip_analysis.estimates", "clip_analysis.loops", "clip_analysis.bars"),
    "clip_analysis.preview_status",
    *("static", "favicon"),
}
"""Requested continually by open pages and monitors, so only their errors are logged."""


def init_app(app: Flask) -> None:
    app.before_request(begin_request)
    app.after_request(end_request)  # registered first, so it runs last, when the response is complete


def begin_request() -> None:
    g.request_id = choose_request_id(request.headers.get(HEADER, ""))
    g.started_at = time.monotonic()
    log.reset_context(request_id=g.request_id)


def choose_request_id(sent_id: str) -> str:
    """Return the id that came with the request if it is valid, otherwise a new one."""
    return sent_id if _VALID_ID.fullmatch(sent_id) else secrets.token_hex(8)


def end_request(response: Response) -> Response:
    """Return the request id to the client and log the request.

    `bytes` is the length of the body; fewer bytes were sent if a download was interrupted.
    """
    if "request_id" not in g:
        return response  # the response was created before `begin_request` ran
    response.headers[HEADER] = g.request_id
    sent_bytes = 0 if request.method == "HEAD" else response.content_length or 0
    if not response.direct_passthrough:  # a file counts its own bytes as they are sent
        http_counters.count_sent(sent_bytes)
    http_counters.count_request(response.status_code, request.content_length or 0)
    if response.status_code >= 400 or not _is_poll(response):
        ms = round((time.monotonic() - g.started_at) * 1000)
        _log_request(request.method[:16], route_of_request(), response.status_code, sent_bytes, ms)
    return response


def log_rejected_request(request_id: str, status: int, sent_bytes: int) -> None:
    """Log and count a request that the server rejected before it reached the application."""
    log.reset_context(request_id=request_id)  # the thread still has another request's context
    http_counters.count_sent(sent_bytes)
    http_counters.count_request(status, 0)
    _log_request(UNKNOWN, UNKNOWN, status, sent_bytes, 0)


def route_of_request() -> str:
    """Return the route, because paths contain tokens and ids, and query strings may contain anything."""
    return request.url_rule.rule if request.url_rule else UNKNOWN


def _is_poll(response: Response) -> bool:
    if request.endpoint == "jobs.show":  # a person opens the page once, while a program polls the JSON
        return response.is_json
    return request.endpoint in POLLED_ENDPOINTS


def _log_request(method: str, path: str, status: int, sent_bytes: int, ms: int) -> None:
    fields = {"method": method, "path": path, "status": status, "bytes": sent_bytes, "ms": ms}
    logger.info("%s %s %s", method, path, status, extra={"fields": fields})
