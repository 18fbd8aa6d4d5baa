"""The documentation agrees with the code."""

import re
import tomllib
from dataclasses import fields
from pathlib import Path

import click
import pytest
from flask import Flask

from chromi.cli import main
from chromi.config import VERSION, Settings
from chromi.encoder import OPTIONS
from chromi.environment import PREFIX
from chromi.errors import ChromiError

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text()
ENCODER = (ROOT / "docs/encoder.md").read_text()
HTTP = (ROOT / "docs/http.md").read_text()
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "benchmarks").glob("*.md")),
]

INTERNAL_CODES = {"stopped", "unhealthy", "bad_configuration"}
"""Codes of errors that no client receives."""


@pytest.mark.parametrize("name", [PREFIX + field.name.upper() for field in fields(Settings)])
def test_readme_lists_setting(name: str) -> None:
    assert f"| `{name}` |" in README


@pytest.mark.parametrize("name", OPTIONS)
def test_http_docs_list_option(name: str) -> None:
    assert f"| `{name}` |" in HTTP


def test_http_docs_list_every_path(app: Flask) -> None:
    documented = {path.rstrip("/") for path in re.findall(r"/[\w./-]*", HTTP)}
    placeholders = {
        "<upload_id>": "ID",
        "<job_id>": "ID",
        "<batch_id>": "ID",
        "<link_id>": "LINK",
        "<token>": "TOKEN",
        "<quality>": "QUALITY",
    }
    for rule in app.url_map.iter_rules():
        path = rule.rule.rstrip("/")
        for argument, placeholder in placeholders.items():
            path = path.replace(argument, placeholder)
        assert path in documented or rule.endpoint in ("static", "favicon"), rule


def test_http_docs_list_every_error_code(app: Flask) -> None:
    codes = {error_class.code for error_class in subclasses_of(ChromiError)} - INTERNAL_CODES
    assert {code for code in codes if f"`{code}`" not in HTTP} == set()


def subclasses_of(parent: type[ChromiError]) -> list[type[ChromiError]]:
    """Return the class and all of its subclasses."""
    return [parent, *(each for child in parent.__subclasses__() for each in subclasses_of(child))]


def test_docs_mention_every_command() -> None:
    commands = main.list_commands(click.Context(main))
    assert {name for name in commands if f"-m chromi {name}" not in README} == set()


def test_documented_modules_exist() -> None:
    roots = {ARCHITECTURE: ROOT / "chromi", ENCODER: ROOT / "chromi/encoder", CONTRIBUTING: ROOT}
    for text, root in roots.items():
        for path in re.findall(r"`([\w/]+/[\w/]*\.(?:py|js|css|html|md))`", text):
            if path not in ("chromi/templates/name.html", "chromi/static/pages/name.js"):
                assert (root / path).is_file() or (ROOT / path).is_file(), path


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_lead_to_files_and_headings(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]*(?:#[^)]*)?)\)", page.read_text()):
        name, _, anchor = target.partition("#")
        path = page.parent / name if name else page
        assert path.exists(), target
        assert not anchor or anchor in anchors_of(path), target


def anchors_of(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a Markdown file."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_changes_and_upgrade_notes_start_with_this_version() -> None:
    assert re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[0] == VERSION
    assert re.findall(r"^### (\S+)", (ROOT / "docs/upgrading.md").read_text(), re.MULTILINE)[0] == VERSION


def test_readme_images_exist() -> None:
    for path in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README):
        assert (ROOT / path).is_file(), path


def test_stored_screenshots_are_shown_and_small() -> None:
    folder = ROOT / "docs/screenshots"
    gallery = (folder / "README.md").read_text()
    assert all(f"docs/screenshots/{path.name}" in README for path in folder.glob("*.webp"))
    assert all(f"(states/{path.name})" in gallery for path in folder.glob("states/*.webp"))
    assert sum(path.stat().st_size for path in folder.rglob("*.webp")) < 1_500_000


def test_readme_contains_benchmark_summary() -> None:
    assert (ROOT / "benchmarks/results/summary.md").read_text() in README


def test_lock_pins_every_dependency() -> None:
    lock = (ROOT / "requirements.txt").read_text()
    for requirement in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]:
        assert f"\n{requirement.split('>=')[0]}==" in f"\n{lock}"
    assert "--hash=sha256:" in lock
    assert "://" not in lock, "the lock must not depend on one registry's address"
