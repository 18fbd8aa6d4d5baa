"""The web application."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from flask import Flask

from chromi.admission.admission_control import AdmissionControl
from chromi.config import Settings
from chromi.db import database
from chromi.jobs.queue import open_service
from chromi.process_hardening import require_sandbox
from chromi.signing_keys import load_signing_keys
from chromi.tokens import TokenSigner
from chromi.web.http import (
    client_identity,
    compression,
    cors,
    error_handlers,
    negotiation,
    rate_limit_headers,
    request_log,
    request_validation,
    security_headers,
    static_files,
    template_filters,
    translation,
    trusted_proxy,
    url_prefix,
)
from chromi.web.http.request_validation import MAX_FORM_BYTES
from chromi.web.presenters import job_presenter
from chromi.web.services import Services
from chromi.web.views import (
    admin,
    batches,
    clip_analysis,
    downloads,
    extension,
    health,
    jobs,
    manifest,
    metrics,
    openapi,
    retry,
    share_links,
    studio,
    tus,
    uploads,
)

MAX_FORM_PARTS = 30
"""A file, 20 options and a webhook's URL may each be a part. Each file part takes up a descriptor."""

# before_request hooks run in this order, and after_request hooks in reverse order.
HTTP_MODULES = (
    request_log,
    translation,
    negotiation,
    error_handlers,
    security_headers,
    request_validation,
    client_identity,
    cors,
    rate_limit_headers,
    compression,
    static_files,
    template_filters,
    trusted_proxy,
    url_prefix,
)
VIEWS = (
    uploads,
    tus,
    studio,
    clip_analysis,
    jobs,
    batches,
    retry,
    downloads,
    share_links,
    extension,
    health,
    manifest,
    metrics,
    openapi,
    admin,
)


def init_app(app: Flask, settings: Settings) -> None:
    """Open the service and register all views and hooks."""
    require_sandbox(settings)
    storage, queue = open_service(settings)
    app.config["MAX_FORM_PARTS"] = MAX_FORM_PARTS
    app.config["MAX_CONTENT_LENGTH"] = settings.max_upload_bytes + MAX_FORM_BYTES
    signer = TokenSigner(load_signing_keys(settings))
    app.extensions["chromi"] = Services(
        settings=settings,
        storage=storage,
        queue=queue,
        signer=signer,
        admission=AdmissionControl(settings, storage, signer),
        background=ThreadPoolExecutor(max_workers=1, thread_name_prefix="background"),
    )
    app.teardown_request(close_database)
    for module in (*HTTP_MODULES, job_presenter, *VIEWS):
        module.init_app(app)


def close_database(error: BaseException | None) -> None:
    database.close()
