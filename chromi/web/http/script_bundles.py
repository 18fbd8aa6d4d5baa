"""Join the modules of each page's script into one file.

A browser requests six files at a time, so thirty modules take five round trips: on a slow phone, the studio
was ready after 1.8 s instead of 1.1 s. Each module becomes a function that returns its exports, after the
modules that it imports. Tests restrict the modules to the few forms of import and export that are replaced
here.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping

REGISTRY = "$modules"
"""The export of a bundle with all its modules, for bundles that are loaded later by the same page."""

_IMPORT = re.compile(r'^import \{([^}]*)\} from "([^"]+)";$', re.MULTILINE)
_DYNAMIC_IMPORT = re.compile(r'\bimport\("([^"]+)"\)')
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) (\w+))", re.MULTILINE)


def list_modules(scripts: Mapping[str, str], entry: str) -> list[str]:
    """Return the entry module and all that it imports statically, each after those that it imports.

    `scripts` are the sources of all modules by name, relative to the static folder. Raises ValueError if
    modules import each other.
    """
    ordered: list[str] = []
    _add_module(scripts, entry, ordered, ())
    return ordered


def bundle_page(scripts: Mapping[str, str], page: str) -> str:
    """Return the source of a file that can take the place of the page's script. It exports REGISTRY."""
    names = list_modules(scripts, page)
    modules = ", ".join(f'"{name}": {_variable(name)}' for name in names)
    return "\n".join((*_wrap_all(scripts, names, page), f"export const {REGISTRY} = {{ {modules} }};\n"))


def bundle_later(scripts: Mapping[str, str], entry: str, page: str) -> str:
    """Return the source of a file that can take the place of a module that the page loads later.

    The modules that the page has loaded are taken from its REGISTRY.
    """
    names, loaded = list_modules(scripts, entry), set(list_modules(scripts, page))
    exports = ", ".join(_EXPORT.findall(scripts[entry]))
    lines = [
        f'import {{ {REGISTRY} }} from "{_relative(page, entry)}";',
        *(f'const {_variable(name)} = {REGISTRY}["{name}"];' for name in names if name in loaded),
        *_wrap_all(scripts, [name for name in names if name not in loaded], entry),
        f"export const {{ {exports} }} = {_variable(entry)};\n",
    ]
    return "\n".join(lines)


def find_dynamic_imports(scripts: Mapping[str, str], entry: str) -> list[str]:
    """Return the modules that the entry and its imports load later."""
    return [
        resolve_import(name, target)
        for name in list_modules(scripts, entry)
        for target in _DYNAMIC_IMPORT.findall(scripts[name])
    ]


def _add_module(
    scripts: Mapping[str, str], name: str, ordered: list[str], importers: tuple[str, ...]
) -> None:
    if name in importers:
        raise ValueError(f"modules import each other: {' -> '.join((*importers, name))}")
    if name in ordered:
        return
    for _, target in _IMPORT.findall(scripts[name]):
        _add_module(scripts, resolve_import(name, target), ordered, (*importers, name))
    ordered.append(name)


def _wrap_all(scripts: Mapping[str, str], names: Iterable[str], entry: str) -> list[str]:
    return [_wrap(name, scripts[name], entry) for name in names]


def _wrap(name: str, source: str, entry: str) -> str:
    """Return a declaration of the module's exports as one object, for the bundle of `entry`."""
    exports = ", ".join(_EXPORT.findall(source))

    def import_from_object(statement: re.Match[str]) -> str:
        names, target = statement.groups()
        renamed = ", ".join(each.strip().replace(" as ", ": ") for each in names.split(",") if each.strip())
        return f"const {{ {renamed} }} = {_variable(resolve_import(name, target))};"

    def import_from_bundle(call: re.Match[str]) -> str:
        return f'import("{_relative(resolve_import(name, call[1]), entry)}")'

    body = _EXPORT.sub("", _IMPORT.sub(import_from_object, source))
    body = _DYNAMIC_IMPORT.sub(import_from_bundle, body)
    return f"const {_variable(name)} = (() => {{\n{body}\nreturn {{ {exports} }};\n}})();"


def _variable(name: str) -> str:
    return "$" + re.sub(r"\W", "_", name)


def resolve_import(base: str, target: str) -> str:
    """Return the name of the file that `base` imports as `target`."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), target))


def _relative(name: str, importer: str) -> str:
    """Return the specifier with which `importer` imports a file."""
    path = posixpath.relpath(name, posixpath.dirname(importer))
    return path if path.startswith(".") else f"./{path}"
