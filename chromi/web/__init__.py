"""The rooms that speak HTTP."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from flask import Flask

from chromi.admission.admission_control import AdmissionControl
from chromi.config import Settings, load_signing_keys
from chromi.db import database
from chromi.hardening import require_sandbox
from chromi.jobs.queue import open_service
from chromi.tokens import TokenSigner
from chromi.web.http import (
    compression,
    negotiation,
    request_log,
    security_headers,
    static_files,
    template_filters,
    translation,
    trusted_proxy,
)
from chromi.web.http.security_headers import FORM_BYTES
from chromi.web.services import Services
from chromi.web.views import (
    admin,
    downloads,
    extension,
    health,
    jobs,
    metrics,
    result_images,
    retry,
    share_links,
    studio,
    tus,
    uploads,
)

MAX_FORM_PARTS = 20
"""Our forms have three parts; each part that is a file takes a descriptor."""


def close_database(error: BaseException | None) -> None:
    database.close()


def init_app(app: Flask, settings: Settings) -> None:
    """Open what the views need and let each room join."""
    require_sandbox(settings)
    storage, queue = open_service(settings, immediate=settings.inline)
    app.config["MAX_FORM_PARTS"] = MAX_FORM_PARTS
    app.config["MAX_CONTENT_LENGTH"] = settings.max_upload_bytes + FORM_BYTES
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
    modules = (
        request_log,
        translation,
        negotiation,
        security_headers,
        compression,
        static_files,
        template_filters,
        uploads,
        tus,
        studio,
        jobs,
        retry,
        downloads,
        share_links,
        result_images,
        extension,
        health,
        metrics,
        admin,
        trusted_proxy,
    )
    for module in modules:
        module.init_app(app)
