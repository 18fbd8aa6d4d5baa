"""What is written about Chromi is true of it."""

import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
from flask import Flask

from chromi.config import PREFIX, VERSION, Settings
from chromi.encoder import OPTIONS
from chromi.errors import ChromiError

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
HTTP = (ROOT / "docs/http.md").read_text()


@pytest.mark.parametrize("name", [PREFIX + field.name.upper() for field in fields(Settings)])
def test_every_setting_is_in_the_readme(name: str) -> None:
    assert f"| `{name}` |" in README


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_is_in_the_http_interface(name: str) -> None:
    assert f"| `{name}` |" in HTTP


def test_every_address_is_in_the_http_interface(app: Flask) -> None:
    told = {path.rstrip("/") for path in re.findall(r"/[\w./-]*", HTTP)}
    names = {"<upload_id>": "ID", "<job_id>": "ID", "<link_id>": "LINK", "<token>": "TOKEN"}
    for rule in app.url_map.iter_rules():
        address = rule.rule.rstrip("/")
        for name, word in names.items():
            address = address.replace(name, word)
        assert address in told or rule.endpoint in ("static", "favicon"), rule


def test_every_error_is_in_the_http_interface(app: Flask) -> None:
    kept_from_clients = {"stopped", "unwell", "bad_configuration"}
    codes = {kind.code for kind in errors_of(ChromiError)} - kept_from_clients
    assert {code for code in codes if f"`{code}`" not in HTTP} == set()


def errors_of(kind: type[ChromiError]) -> list[type[ChromiError]]:
    return [kind, *(member for child in kind.__subclasses__() for member in errors_of(child))]


def test_the_version_is_one() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION
    assert f"## {VERSION}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_readmes_pictures_exist() -> None:
    for path in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README):
        assert (ROOT / path).is_file(), path


def test_every_screenshot_kept_is_shown_and_they_are_small() -> None:
    folder = ROOT / "docs/screenshots"
    gallery = (folder / "README.md").read_text()
    assert all(f"docs/screenshots/{path.name}" in README for path in folder.glob("*.png"))
    assert all(f"(states/{path.name})" in gallery for path in folder.glob("states/*.png"))
    assert sum(path.stat().st_size for path in folder.rglob("*.png")) < 1_500_000


def test_the_readme_shows_what_the_benchmark_found() -> None:
    assert (ROOT / "benchmarks/results/summary.md").read_text() in README


def test_the_lock_names_every_dependency() -> None:
    lock = (ROOT / "requirements.txt").read_text()
    for wanted in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]:
        assert f"\n{wanted.split('>=')[0]}==" in f"\n{lock}"
    assert "--hash=sha256:" in lock
    assert "://" not in lock, "the lock must not depend on one registry's address"
