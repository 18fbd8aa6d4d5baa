"""Apply the conditions and the range of a request to its response (RFC 9110, sections 13 and 14)."""

from __future__ import annotations

from flask import Response, request
from werkzeug.datastructures import ETags, Range
from werkzeug.exceptions import PreconditionFailed


def make_conditional(response: Response, size_bytes: int, *, latest_start: int | None = None) -> None:
    """Change a response that has an ETag and `size_bytes` to 304 or 206 if the request asks for that.

    A range is ignored if it starts after byte `latest_start`, or if RFC 9110 says or allows so: another
    method than GET, an unknown unit, a malformed range, several ranges. Raises PreconditionFailed and
    RequestedRangeNotSatisfiable.

    Werkzeug does not know `If-Match: *`, applies a range before the conditions, and rejects ranges that it
    should ignore or shorten. It therefore gets neither If-Match nor a range that does not apply.
    """
    etag, is_weak = response.get_etag()
    if request.if_match and not _matches_strongly(request.if_match, etag, is_weak):
        raise PreconditionFailed
    environ = {name: text for name, text in request.environ.items() if name != "HTTP_IF_MATCH"}
    applied = _applicable_range(size_bytes, latest_start)
    is_known = request.if_none_match.contains_weak(etag or "")
    if applied is None or is_known or (is_weak and request.if_range.etag):
        environ.pop("HTTP_RANGE", None)
    else:
        environ["HTTP_RANGE"] = applied.to_header()
    response.make_conditional(environ, accept_ranges=True, complete_length=size_bytes)


def _matches_strongly(expected: ETags, etag: str | None, is_weak: bool | None) -> bool:
    return expected.star_tag or (not is_weak and expected.is_strong(etag or ""))


def _applicable_range(size_bytes: int, latest_start: int | None) -> Range | None:
    """Return the requested range, starting within the file or after its end, or None to ignore it."""
    requested = request.range
    if request.method != "GET" or requested is None:
        return None
    if requested.units != "bytes" or len(requested.ranges) != 1:
        return None
    [(start, stop)] = requested.ranges
    if start < 0:  # the last bytes, or the whole file if it has fewer
        start = max(0, size_bytes + start)
    if latest_start is not None and latest_start < start < size_bytes:
        return None
    return Range("bytes", [(start, stop)])
