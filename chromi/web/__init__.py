"""The rooms that speak HTTP."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from flask import Flask

from chromi.config import Settings, signing_keys
from chromi.hardening import require_sandbox
from chromi.models import database
from chromi.tasks import open_service
from chromi.tokens import TokenSigner
from chromi.web import (
    access,
    again,
    assets,
    compression,
    extension,
    filters,
    health,
    jobs,
    language,
    links,
    metrics,
    ops,
    proxy,
    responses,
    result,
    resumable,
    security,
    sharing,
    studio,
    uploads,
)
from chromi.web.admission import Admission
from chromi.web.security import FORM_BYTES
from chromi.web.services import Services

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
    signer = TokenSigner(signing_keys(settings))
    app.extensions["chromi"] = Services(
        settings=settings,
        storage=storage,
        queue=queue,
        signer=signer,
        admission=Admission(settings, storage, signer),
        background=ThreadPoolExecutor(max_workers=1, thread_name_prefix="background"),
    )
    app.teardown_request(close_database)
    rooms = (
        *(
            access,
            language,
            responses,
            security,
            compression,
            assets,
            filters,
            uploads,
            resumable,
            studio,
            jobs,
            again,
        ),
        *(links, sharing, result, extension, health, metrics, ops, proxy),
    )
    for room in rooms:
        room.init_app(app)
