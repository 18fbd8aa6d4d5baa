"""A line in the log for each request but successful polls, and the id that ties it to the other lines."""

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
PLAIN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
"""What a proxy's id may look like; anything else is a stranger's and gets one of ours instead."""

NOTHING = "(none)"
CHECKS = ("health.show", "health.live", "health.ready", "metrics.show")
"""Asked every few seconds by monitors, under any name."""
POLLED_ENDPOINTS = {
    *CHECKS,
    *("jobs.status", "jobs.estimates", "studio.loops", "studio.preview_status"),
    *("static", "favicon"),
}
"""Requested all the time by open pages and monitors: only errors are logged."""


def init_app(app: Flask) -> None:
    app.before_request(begin)
    app.after_request(end)  # the first to be named here runs last, when the answer is whole


def begin() -> None:
    sent = request.headers.get(HEADER, "")
    g.request_id = sent if PLAIN_ID.fullmatch(sent) else secrets.token_hex(8)
    g.begun_at = time.monotonic()
    log.reset_context(request_id=g.request_id)


def end(response: Response) -> Response:
    """Give the id back and write the line; `bytes` is what the answer has, which a download may not reach."""
    if "request_id" not in g:
        return response  # an answer that was made before this room heard of the request
    response.headers[HEADER] = g.request_id
    if not response.direct_passthrough:  # files count themselves as they go out
        http_counters.count_sent(response.content_length or 0)
    http_counters.count_request(response.status_code, request.content_length or 0)
    if response.status_code >= 400 or not _is_poll(response):
        ms = round((time.monotonic() - g.begun_at) * 1000)
        _write_line(request.method[:16], shown_path(), response.status_code, response.content_length or 0, ms)
    return response


def note_refused(status: int, sent_bytes: int) -> None:
    """As `end`, for what is no request of ours: the server answers before the application hears of it."""
    log.reset_context(request_id=secrets.token_hex(8))  # not that of whoever had this thread before
    http_counters.count_sent(sent_bytes)
    http_counters.count_request(status, 0)
    _write_line(NOTHING, NOTHING, status, sent_bytes, 0)


def shown_path() -> str:
    """The route, not the address: tokens and ids in it open pages and files, and a query may say anything."""
    return request.url_rule.rule if request.url_rule else NOTHING


def _is_poll(response: Response) -> bool:
    if request.endpoint == "jobs.show":  # a person opens the page once; a program asks for JSON until the end
        return response.is_json
    return request.endpoint in POLLED_ENDPOINTS


def _write_line(method: str, path: str, status: int, sent_bytes: int, ms: int) -> None:
    facts = {"method": method, "path": path, "status": status, "bytes": sent_bytes, "ms": ms}
    logger.info("%s %s %s", method, path, status, extra={"facts": facts})
