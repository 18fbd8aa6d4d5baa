"""Serve static files from URLs that change with their content, so browsers can cache them forever."""

from __future__ import annotations

import hashlib
import mimetypes
import re
from pathlib import Path

from flask import Flask, Response

from chromi.errors import NotFound
from chromi.web.http.conditional_response import make_conditional
from chromi.web.http.file_response import TrackedFile, send_tracked_file
from chromi.web.http.script_bundles import bundle_later, bundle_page, find_dynamic_imports, resolve_import

FOLDER = Path(__file__).parents[2] / "static"
STYLESHEET = "css/app.css"
"""The stylesheet's entry file; each @import is replaced with the file's content."""
SCRIPTS = "js/"
PAGE_SCRIPTS = "js/pages/"
CACHE_FOREVER = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"
VERSION_LENGTH = 12
EXAMPLES = "examples/"
"""The folder of the start page's videos and GIFs, which stay on disk. Together they have 27 MB."""
ENDPOINT = "static"
"""Flask's own name for the endpoint, so `url_for("static", filename=...)` returns the versioned URL."""

_DOC_COMMENT = re.compile(r"^[ \t]*/\*\*.*?\*/\n", re.DOTALL | re.MULTILINE)
_CSS_COMMENT = re.compile(r"/\*.*?\*/\n*", re.DOTALL)
_CSS_IMPORT = re.compile(r'^@import "([^"]+)" layer\((\w+)\);$', re.MULTILINE)


class Assets:
    """All static files, read only once (under a megabyte), so that content and version always match.

    `paths` are the examples, which are read when they are requested.

    The version is a folder in the URL, not a part of each file name, so relative imports resolve to the same
    version.
    """

    def __init__(self, folder: Path) -> None:
        paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
        self.paths = {name: path for name, path in paths.items() if name.startswith(EXAMPLES)}
        self.files = {name: paths[name].read_bytes() for name in sorted(paths.keys() - self.paths.keys())}
        self._inline_css_imports()
        self._bundle_scripts()
        self.etags = {name: _digest(content) for name, content in self.files.items()}
        self.etags |= {name: _digest(self.paths[name].read_bytes()) for name in sorted(self.paths)}
        self.version = _digest(repr(self.etags).encode())

    def _inline_css_imports(self) -> None:
        """Bundle the stylesheet: replace each @import with its file's content in its layer; remove comments.

        Without comments, the bundle compresses to 7.1 KB instead of 9.2 KB.
        """
        stylesheet = _CSS_IMPORT.sub(self._take_css_layer, self.files[STYLESHEET].decode())
        self.files[STYLESHEET] = _CSS_COMMENT.sub("", stylesheet).encode()

    def _bundle_scripts(self) -> None:
        """Join the modules of each page, and those that the page loads later.

        JSDoc comments are removed; they are a fifth of the compressed size.
        """
        names = [name for name in self.files if name.startswith(SCRIPTS)]
        scripts = {name: _DOC_COMMENT.sub("", self.files.pop(name).decode()) for name in names}
        for page in (name for name in names if name.startswith(PAGE_SCRIPTS)):
            self.files[page] = bundle_page(scripts, page).encode()
            for later in find_dynamic_imports(scripts, page):
                self.files[later] = bundle_later(scripts, later, page).encode()

    def _take_css_layer(self, css_import: re.Match[str]) -> str:
        target, layer = css_import.groups()
        return f"@layer {layer} {{\n{self.files.pop(resolve_import(STYLESHEET, target)).decode()}}}"


def init_app(app: Flask) -> None:
    assets = Assets(FOLDER)

    def send(filename: str, version: str = "") -> Response:
        return send_asset(assets, filename, version)

    @app.url_defaults
    def add_version(endpoint: str, values: dict[str, str]) -> None:
        if endpoint == ENDPOINT:
            values["version"] = assets.version

    app.add_url_rule(f"/static/v-<string(length={VERSION_LENGTH}):version>/<path:filename>", ENDPOINT, send)
    app.add_url_rule("/static/<path:filename>", ENDPOINT, send)
    # Requested by browsers that do not support SVG icons and by services that show a site's icon.
    app.add_url_rule("/favicon.ico", "favicon", lambda: send("favicon.png"))


def send_asset(assets: Assets, name: str, version: str) -> Response:
    """Send a file. Raises NotFound.

    After an update, an open page may still request the previous version. It gets the current file, which it
    must revalidate before each use.
    """
    mimetype = mimetypes.guess_type(name)[0] or "application/octet-stream"
    if name in assets.files:
        content = assets.files[name]
        response = Response(content, mimetype=mimetype)
        response.set_etag(assets.etags[name], weak=True)  # it is the same for each Content-Encoding
        make_conditional(response, len(content))
    elif name in assets.paths:
        response = send_tracked_file(TrackedFile(assets.paths[name]), mimetype, etag=assets.etags[name])
    else:
        raise NotFound
    response.headers["Cache-Control"] = CACHE_FOREVER if version == assets.version else REVALIDATE
    return response


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:VERSION_LENGTH]
