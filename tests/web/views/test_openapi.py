"""/openapi.yaml describes every published request; test_openapi_responses.py compares the responses."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from flask import Flask

from chromi.config import VERSION, Settings
from chromi.encoder import OPTIONS, ConversionOptions
from chromi.errors import ChromiError
from tests.test_docs import HTTP, INTERNAL_CODES, README, subclasses_of

PATH = Path("chromi/openapi.yaml")
DESCRIPTION = yaml.safe_load(PATH.read_text())
METHODS = ("get", "head", "post", "patch", "delete", "options")
OPERATIONS = [
    (path, method) for path, item in DESCRIPTION["paths"].items() for method in METHODS if method in item
]
PAGES = {
    *("uploads.index", "static", "favicon", "manifest.show", "tus.sample"),
    *("jobs.status", "clip_analysis.estimates", "clip_analysis.loops", "clip_analysis.bars"),
    "clip_analysis.preview_status",
}
"""What only pages use."""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, inline=False, metrics=True)


def test_every_published_route_is_described(app: Flask) -> None:
    described = {(path.rstrip("/"), method) for path, method in OPERATIONS}
    for rule in app.url_map.iter_rules():
        if rule.endpoint in PAGES:
            continue
        path = re.sub(r"<(\w+)>", r"{\1}", rule.rule).rstrip("/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            assert (path, method.lower()) in described, rule


def test_every_described_request_is_routed_and_documented(app: Flask) -> None:
    adapter = app.url_map.bind("localhost")
    placeholders = {
        "upload_id": "ID",
        "job_id": "ID",
        "batch_id": "ID",
        "link_id": "LINK",
        "token": "TOKEN",
        "quality": "QUALITY",
    }
    for path, method in OPERATIONS:
        adapter.match(re.sub(r"{\w+}", "a", path), method=method.upper())
        documented = re.sub(r"{(\w+)}", lambda name: placeholders[name[1]], path)
        assert documented in HTTP or documented.rstrip("/") in HTTP, path
    for path in re.findall(r"127\.0\.0\.1:8000(/\w+/)", README):
        assert any(described.startswith(path) for described, _ in OPERATIONS), path


def test_options_and_their_defaults_are_described() -> None:
    schemas = DESCRIPTION["components"]["schemas"]
    described = schemas["Options"]["properties"] | schemas["SharedOptions"]["properties"]
    assert sorted(described) == sorted(OPTIONS)
    defaults = ConversionOptions().to_form()
    for name, option in described.items():
        assert str(option.get("default", "")) == defaults[name] or name == "start_time", name


def test_every_error_code_is_described() -> None:
    codes = {error_class.code for error_class in subclasses_of(ChromiError)} - INTERNAL_CODES
    assert codes <= set(DESCRIPTION["components"]["schemas"]["ErrorCode"]["enum"])


def test_description_has_the_version() -> None:
    assert DESCRIPTION["info"]["version"] == VERSION
