"""Tell clients their hourly quotas and what is left of them (draft-ietf-httpapi-ratelimit-headers-11)."""

from __future__ import annotations

import logging

from flask import Flask, Response, request
from peewee import DatabaseError

from chromi.admission.quota import BYTES, JOBS, UPLOADS, published_quotas
from chromi.db import HOUR_S
from chromi.web.http.client_identity import identify_client
from chromi.web.services import services

logger = logging.getLogger(__name__)

CHARGED_QUOTAS = {
    "uploads.create": (UPLOADS, BYTES),
    "uploads.convert": (UPLOADS, BYTES, JOBS),
    "tus.create": (UPLOADS, BYTES),
    **dict.fromkeys(("batches.create", "studio.create_job", "retry.retry", "retry.shrink"), (JOBS,)),
    **dict.fromkeys(
        (f"clip_analysis.create_{kind}" for kind in ("estimate", "loops", "bars", "preview")), (JOBS,)
    ),
}
"""The quotas that requests to these endpoints use up."""


def init_app(app: Flask) -> None:
    app.after_request(add_headers)


def add_headers(response: Response) -> Response:
    """Add both headers to requests that use up a quota. Local clients have no quotas."""
    names = CHARGED_QUOTAS.get(request.endpoint or "", ()) if request.method == "POST" else ()
    try:
        if names and (client := identify_client()):
            response.headers.update(_describe_quotas(names, client))
    except DatabaseError as error:
        logger.warning("could not read a quota: %s", error)
    return response


def _describe_quotas(names: tuple[str, ...], client: str) -> dict[str, str]:
    """Return the headers. `t` is when all of a quota will be available, as it recovers at a constant rate."""
    policies, states = [], []
    quotas = published_quotas(services().settings)
    for name in names:
        left, full_in_s = quotas[name].availability(client)
        unit = ';qu="content-bytes"' if name == BYTES else ""
        policies.append(f'"{name}";q={quotas[name].amount:.0f}{unit};w={HOUR_S:.0f}')
        states.append(f'"{name}";r={left};t={full_in_s}')
    return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(states)}
