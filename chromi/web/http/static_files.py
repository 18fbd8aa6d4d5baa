"""Static files, under an address that changes with their content, so that browsers keep them for ever."""

from __future__ import annotations

import hashlib
import mimetypes
import posixpath
import re
from pathlib import Path

from flask import Flask, Response, request

from chromi.errors import NotFound

FOLDER = Path(__file__).parents[2] / "static"
FOR_EVER = "public, max-age=31536000, immutable"
ASK_FIRST = "no-cache"
VERSION_LETTERS = 12
ENDPOINT = "static"
"""Flask's own name for them, so that `url_for("static", filename=...)` gives the lasting address."""

_IMPORTS = re.compile(r"""^(?:import|export)\b[^;"']*["'](\.[^"']+)["']""", re.MULTILINE)


class Assets:
    """All static files, read once (under a megabyte): their bytes and their version cannot disagree.

    The version is a folder of the address and not a part of each name: so what a module imports by its
    relative name is of the same version, and no list has to say so.
    """

    def __init__(self, folder: Path) -> None:
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        self.files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
        self.etags = {name: _digest(content) for name, content in self.files.items()}
        self.version = _digest(repr(self.etags).encode())

    def modules_of(self, name: str) -> list[str]:
        """Name all modules that `name` imports, directly or not, the nearest first."""
        found = [name]
        for module in found:  # grows as it is walked
            for imported in _IMPORTS.findall(self.files[module].decode()):
                target = posixpath.normpath(posixpath.join(posixpath.dirname(module), imported))
                if target not in found:
                    found.append(target)
        return found[1:]


def init_app(app: Flask) -> None:
    assets = Assets(FOLDER)

    def send(filename: str, version: str = "") -> Response:
        return send_asset(assets, filename, version)

    @app.url_defaults
    def name_version(endpoint: str, values: dict[str, str]) -> None:
        if endpoint == ENDPOINT:
            values["version"] = assets.version

    app.add_url_rule(f"/static/v-<string(length={VERSION_LETTERS}):version>/<path:filename>", ENDPOINT, send)
    app.add_url_rule("/static/<path:filename>", ENDPOINT, send)
    # What browsers ask for that know no SVG icons, and services that show a site's icon.
    app.add_url_rule("/favicon.ico", "favicon", lambda: send("favicon.png"))
    scripts = [name for name in assets.files if name.startswith("pages/")]
    app.jinja_env.globals["modules"] = {script: assets.modules_of(script) for script in scripts}


def send_asset(assets: Assets, name: str, version: str) -> Response:
    """Answer with a file. Under the address of another version, which an open page may still ask for after
    an update, that is the file of today, not to be kept. Raises NotFound.
    """
    if name not in assets.files:
        raise NotFound
    content = assets.files[name]
    response = Response(content, mimetype=mimetypes.guess_type(name)[0])
    response.headers["Cache-Control"] = FOR_EVER if version == assets.version else ASK_FIRST
    response.set_etag(assets.etags[name])
    response.make_conditional(request, accept_ranges=True, complete_length=len(content))
    return response


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:VERSION_LETTERS]
