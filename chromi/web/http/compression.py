"""Compress pages, styles and scripts. Files and compressed formats are sent unchanged."""

from __future__ import annotations

from flask import Flask, Response
from flask_compress import Compress

COMPRESSED_TYPES = frozenset(
    (
        "text/html",
        "text/css",
        "text/javascript",
        "application/javascript",  # the MIME type of modules before Python 3.12
        "application/json",
        "application/manifest+json",
        "image/svg+xml",
        "application/yaml",
    )
)

# Brotli at level 5 takes half a millisecond and 2 MB per page, and compresses 163 KB of scripts to 54 KB.
# Level 11 would save another 4 KB at forty times the cost; gzip needs 58 KB. Therefore, compressed responses
# are not cached.
LEVELS = {"COMPRESS_BR_LEVEL": 5, "COMPRESS_LEVEL": 6}
CONDITIONS = {"COMPRESS_EVALUATE_CONDITIONAL_REQUEST": False}
"""conditional_response.py has evaluated them already."""


def init_app(app: Flask) -> None:
    app.config.update(LEVELS | CONDITIONS, COMPRESS_ALGORITHM=["br", "gzip"], COMPRESS_REGISTER=False)
    compress = Compress(app)

    @app.after_request
    def compress_complete_text(response: Response) -> Response:
        """Compress complete text responses. A range or a 304 refers to the uncompressed bytes.

        Pages contain link tokens, and BREACH infers secrets from the length of compressed pages. The attack
        requires a victim's browser to fetch the page with attacker-chosen text in it. Our pages have secret
        URLs and do not depend on cookies: anyone who can have a page fetched already knows its content. (The
        only cookie, granted for a password, is SameSite=Strict, so cross-site requests do not carry it.) A
        page that depends on a login would have to be excluded here.
        """
        size_bytes = response.calculate_content_length()  # None if the file is passed through
        if response.status_code == 200 and response.mimetype in COMPRESSED_TYPES and size_bytes:
            return compress.after_request(response)
        return response
