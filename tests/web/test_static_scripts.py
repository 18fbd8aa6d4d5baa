"""Rules for the scripts that oxlint does not check."""

import re

import pytest

from chromi.web.http.static_files import FOLDER, PAGE_SCRIPTS

JS_FOLDER = FOLDER / "js"
SCRIPTS = {path.relative_to(FOLDER).as_posix(): path.read_text() for path in sorted(JS_FOLDER.rglob("*.js"))}
IMPORT = re.compile(r'^import (?:\{([^}]*)\} from )?"([^"]+)";$|\bimport\("([^"]+)"\)', re.MULTILINE)
EXPORT = re.compile(r"^export (?:async )?(?:function|class|const) (\w+)", re.MULTILINE)
TESTED_EXPORTS = {("js/tus-client.js", "nextChunkBytes")}
"""Exported for unit tests only."""


def imports_of(name: str) -> set[tuple[str, str]]:
    """Return the (module, export) pairs that a module imports."""
    found = set()
    for names, path, dynamic_path in IMPORT.findall(SCRIPTS[name]):
        target = (FOLDER / name).parent / (path or dynamic_path)
        module = target.resolve().relative_to(FOLDER).as_posix()
        exports = names or DYNAMIC_IMPORTS.get(module, "")
        found |= {(module, export.strip()) for export in exports.split(",")}
    return found


DYNAMIC_IMPORTS = {"js/open-studio.js": "openStudio", "js/start-page.js": "enhanceStartPage"}
"""What is used of each module that a page imports after it has loaded."""
IMPORTS = {pair for name in SCRIPTS for pair in imports_of(name)}
EXPORTS = {(name, export) for name, text in SCRIPTS.items() for export in EXPORT.findall(text)}


def test_imported_exports_exist() -> None:
    assert IMPORTS
    assert IMPORTS <= EXPORTS


def test_exports_are_imported() -> None:
    assert EXPORTS - IMPORTS == TESTED_EXPORTS


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_has_no_mutable_module_state(name: str) -> None:
    """A document may show several pages in succession, so state must belong to the objects of one page."""
    assert not re.search(r"^(let|var) ", SCRIPTS[name], re.MULTILINE)


def test_page_scripts_export_nothing() -> None:
    assert not [name for name, _ in EXPORTS if name.startswith(PAGE_SCRIPTS)]
