"""Let scripts of the origins in CHROMI_CORS_ORIGINS call the API (https://fetch.spec.whatwg.org/#cors-protocol).

Their requests carry no cookies, so such a script can do no more than any program.
"""

from __future__ import annotations

import re

from flask import Flask, request
from flask_cors import CORS

from chromi.config import Settings
from chromi.web.services import services

API_PATH = re.compile(r"/(convert|uploads|jobs|batches|download)(/.*)?$|/openapi\.yaml$")
METHODS = ("GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS")
REQUEST_HEADERS = (
    *("Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-Range", "Range"),
    *("Tus-Resumable", "Upload-Length", "Upload-Metadata", "Upload-Offset", "X-Request-Id"),
)
RESPONSE_HEADERS = (
    *("Content-Disposition", "Content-Range", "ETag", "Location"),
    *("RateLimit", "RateLimit-Policy", "Retry-After", "WWW-Authenticate", "X-Request-Id"),
    *("Tus-Extension", "Tus-Max-Size", "Tus-Resumable", "Tus-Version", "Upload-Length", "Upload-Offset"),
)
"""What scripts may read besides Content-Type and a few others that browsers always expose."""
PREFLIGHT_MAX_AGE_S = 3600


def init_app(app: Flask) -> None:
    settings: Settings = app.extensions["chromi"].settings
    if settings.cors_origins:
        CORS(
            app,
            resources={API_PATH: {}},
            origins=list(settings.cors_origins),
            methods=list(METHODS),
            allow_headers=list(REQUEST_HEADERS),
            expose_headers=list(RESPONSE_HEADERS),
            max_age=PREFLIGHT_MAX_AGE_S,
            send_wildcard=True,
        )


def is_allowed_script() -> bool:
    """True if a script of an allowed origin sent this API request with CORS. A form's request is not CORS."""
    origins = services().settings.cors_origins
    is_cors = request.headers.get("Sec-Fetch-Mode") == "cors" and bool(API_PATH.match(request.path))
    return is_cors and ("*" in origins or request.headers.get("Origin") in origins)
