"""Imports point down: each package imports only from packages below it."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

LAYERS = (
    ("i18n", "log", "memory_profile", "client_networks", "translations"),
    ("errors", "atomic_files"),
    ("server_urls", "startup", "environment", "api_settings", "socket_activation"),
    ("config",),
    ("signing_keys",),
    ("encoder",),
    ("process_hardening", "storage", "tokens"),
    ("db",),
    ("admission",),
    ("jobs",),
    ("monitoring",),
    ("web",),
    ("__init__",),
    ("cli",),
    ("__main__",),
)
"""From the bottom up. A module may import from its own package and from lower layers."""

WEB_LAYERS = (
    ("services",),
    ("http",),
    ("auth", "limits"),
    ("zip_layout",),
    (
        *("batch_form", "idempotency", "webhook_form", "upload_receiver", "submission"),
        *("extension_archive", "link_download"),
    ),
    ("presenters",),
    ("server", "views"),
    ("__init__",),
)
ENCODER_LAYERS = (
    ("encoder_errors", "timecode"),
    ("progress",),
    ("process",),
    ("source", "option_parser"),
    ("options",),
    ("gif",),
    ("frames",),
    ("render",),
    ("conversion_steps",),
    ("pipeline", "loops", "bars", "preview", "capabilities"),
    ("__init__",),
)

ENCODER_MAY_IMPORT = {"chromi.atomic_files", "chromi.encoder", "chromi.errors", "chromi.i18n"}
SERVER_LIBRARIES = {"flask", "werkzeug", "huey", "peewee", "waitress", "itsdangerous"}

MODULES = sorted((ROOT / "chromi").rglob("*.py"))


def module_name(path: Path) -> str:
    """Return the dotted name; a package's own is that of its `__init__`."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def imports_of(path: Path) -> set[str]:
    """Return the full names of all imported modules, or of names imported from a package."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def levels_of(layers: tuple[tuple[str, ...], ...]) -> dict[str, int]:
    return {name: level for level, names in enumerate(layers) for name in names}


def member_of(package: str, name: str) -> str:
    """Return the first part of a module's name below `package`."""
    member = name.removeprefix(f"{package}.").split(".")[0]
    path = ROOT / package.replace(".", "/") / member
    return member if path.is_dir() or path.with_suffix(".py").is_file() else "__init__"


@pytest.mark.parametrize(
    ("package", "layers"),
    [("chromi", LAYERS), ("chromi.web", WEB_LAYERS), ("chromi.encoder", ENCODER_LAYERS)],
    ids=["chromi", "web", "encoder"],
)
def test_imports_point_down(package: str, layers: tuple[tuple[str, ...], ...]) -> None:
    levels = levels_of(layers)
    wrong = []
    for path in (path for path in MODULES if module_name(path).startswith(f"{package}.")):
        own = member_of(package, module_name(path))
        for name in imports_of(path):
            if not name.startswith(f"{package}."):
                continue
            other = member_of(package, name)
            if other != own and levels[other] >= levels[own]:
                wrong.append(f"{module_name(path)} imports {name}")
    assert not wrong


def test_module_names_are_unique() -> None:
    names = [path.stem for path in MODULES if path.stem not in ("__init__", "__main__")]
    assert sorted(names) == sorted(set(names))


def test_encoder_imports_no_server_library() -> None:
    for path in MODULES:
        if not module_name(path).startswith("chromi.encoder."):
            continue
        for name in imports_of(path):
            assert name.split(".")[0] not in SERVER_LIBRARIES
            assert not name.startswith("chromi.") or ".".join(name.split(".")[:2]) in ENCODER_MAY_IMPORT, path
