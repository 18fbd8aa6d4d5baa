"""The plan of the house: who may import whom."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# From the ground up: a room may import from rooms with a lower number, and from itself.
FLOORS = {
    "sentences": 0,
    "translations": 0,
    "errors": 1,
    "clients": 2,
    "config": 2,
    "logs": 2,
    "memory": 2,
    "encoder": 3,
    "hardening": 4,
    "storage": 4,
    "tokens": 4,
    "worker_locks": 4,
    "supervisor": 4,
    "messages": 4,
    "models": 5,
    "quotas": 6,
    "removal": 7,
    "vitals": 6,
    "backup": 6,
    "sweep": 8,
    "work": 8,
    "tasks": 9,
    "checks": 10,
    "web": 11,
    "__init__": 12,
    "service": 13,
    "__main__": 14,
}
ENCODER_MAY_IMPORT = {"chromi.encoder", "chromi.errors", "chromi.sentences"}
SERVER_LIBRARIES = {"flask", "werkzeug", "huey", "peewee", "waitress", "itsdangerous"}

MODULES = sorted((ROOT / "chromi").rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(ROOT / "chromi").parts[0].removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written out in full"
            if node.module == "chromi":
                found |= {f"chromi.{alias.name}" for alias in node.names}
            else:
                found.add(node.module or "")
    return found


def rooms_imported(path: Path) -> set[str]:
    parts = [name.split(".") for name in imports_of(path) if name.split(".")[0] == "chromi"]
    return {"__init__" if part[1:] in ([], ["create_app"]) else part[1] for part in parts}


def test_every_room_has_its_floor() -> None:
    assert {room_of(path) for path in MODULES} == FLOORS.keys()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    room = room_of(path)
    wrong = {other for other in rooms_imported(path) if other != room and FLOORS[other] >= FLOORS[room]}
    assert not wrong, f"{path} reaches up into {wrong}"


@pytest.mark.parametrize("path", [p for p in MODULES if room_of(p) == "encoder"], ids=lambda path: path.name)
def test_the_encoder_knows_no_server(path: Path) -> None:
    for name in imports_of(path):
        assert name.split(".")[0] not in SERVER_LIBRARIES
        if name.startswith("chromi"):
            assert ".".join(name.split(".")[:2]) in ENCODER_MAY_IMPORT
