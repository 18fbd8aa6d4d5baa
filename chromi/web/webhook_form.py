"""Read the `webhook_url` of a form, and record the webhook."""

from __future__ import annotations

from flask import request

from chromi.db import Webhook
from chromi.errors import BadOptions
from chromi.i18n import Message
from chromi.jobs.webhook_request import MAX_URL_LENGTH, is_valid_target
from chromi.web.services import services

FIELD = "webhook_url"


def parse_webhook_url() -> str | None:
    """Return the form's `webhook_url`, or None without one.

    Raises BadOptions if it is invalid, or if the service has no CHROMI_WEBHOOK_SECRET.
    """
    url = request.form.get(FIELD, "").strip()
    if not url:
        return None
    if not services().settings.webhook_secret:
        raise BadOptions(Message("Webhooks are not enabled on this service. Remove the field “webhook_url”."))
    if not is_valid_target(url):
        raise BadOptions(
            Message(
                "“webhook_url” must be an http or https URL with a public host, "
                "and have at most %(limit)s ASCII characters.",
                limit=MAX_URL_LENGTH,
            )
        )
    return url


def create_webhook(url: str | None, resource_id: str, status_path: str) -> None:
    """Record a webhook for a job that is about to be created. Do nothing without a URL.

    If the job is not created, the webhook is never sent.
    """
    if url:
        status_url = request.host_url.rstrip("/") + status_path
        Webhook.create(url=url, resource_id=resource_id, status_url=status_url)
