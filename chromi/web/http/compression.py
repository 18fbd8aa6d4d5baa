"""Compress pages, styles and scripts; files and compressed formats are sent as they are."""

from __future__ import annotations

from flask import Flask, Response
from flask_compress import Compress

COMPRESSED_TYPES = frozenset(
    (
        "text/html",
        "text/css",
        "text/javascript",
        "application/javascript",  # the type of a module before Python 3.12
        "application/json",
        "image/svg+xml",
    )
)

# Brotli at level 5 takes half a millisecond and 2 MB for a page, and compresses 163 KB of scripts to 54 KB.
# Level 11 would save 4 KB more at forty times the cost; gzip needs 58 KB. So nothing is cached compressed.
LEVELS = {"COMPRESS_BR_LEVEL": 5, "COMPRESS_LEVEL": 6}


def init_app(app: Flask) -> None:
    app.config.update(LEVELS, COMPRESS_ALGORITHM=["br", "gzip"], COMPRESS_REGISTER=False)
    compress = Compress(app)

    @app.after_request
    def compress_complete_text(response: Response) -> Response:
        """Compress complete text responses; a range or a 304 refers to the uncompressed bytes.

        Pages contain link tokens, and BREACH reads secrets from the length of compressed pages. The attack
        needs a victim's browser to fetch the page with text chosen by the attacker in it. Our pages are at
        addresses that are secrets themselves and depend on no cookie: anyone who can have one fetched already
        knows its content. (The only cookie, a password's grant, is SameSite=Strict, so requests from other
        sites do not carry it.) A page that depends on a login would have to be excluded here.
        """
        size_bytes = response.calculate_content_length()  # None if a file is passed through
        if response.status_code == 200 and response.mimetype in COMPRESSED_TYPES and size_bytes:
            return compress.after_request(response)
        return response
