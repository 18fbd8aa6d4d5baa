"""Identify the client that a request's limits apply to."""

from __future__ import annotations

from flask import request

from chromi.web.services import services


def identify_client() -> str | None:
    """Return the client's name, or None for local clients, which have no limits."""
    return services().admission.client_of(request.remote_addr)
