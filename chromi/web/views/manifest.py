"""The web app manifest: phones can install Chromi and share videos to it."""

from __future__ import annotations

from flask import Blueprint, Flask, Response, jsonify, url_for
from flask_babel import gettext

bp = Blueprint("manifest", __name__)

VIDEO_TYPES = ("video/*", "image/gif")
ICON_SIZES_PX = (192, 512)


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.get("/manifest.webmanifest")
def show() -> Response:
    """Return the manifest. A shared video is sent like the upload form, so it ends in the studio."""
    response = jsonify(
        id=url_for("uploads.index"),
        name="Chromi",
        short_name="Chromi",
        description=gettext("Turn any video into a Chrome new tab background"),
        start_url=url_for("uploads.index"),
        scope=url_for("uploads.index"),
        display="standalone",
        background_color="#0f0d0b",
        theme_color="#0f0d0b",
        icons=_list_icons(),
        share_target={
            "action": url_for("uploads.create"),
            "method": "POST",
            "enctype": "multipart/form-data",
            "params": {"files": [{"name": "video", "accept": list(VIDEO_TYPES)}]},
        },
    )
    response.mimetype = "application/manifest+json"
    response.headers["Cache-Control"] = "no-cache"
    return response


def _list_icons() -> list[dict[str, str]]:
    return [
        {
            "src": url_for("static", filename=f"icons/app-{size_px}.png"),
            "sizes": f"{size_px}x{size_px}",
            "type": "image/png",
            "purpose": purpose,
        }
        for size_px in ICON_SIZES_PX
        for purpose in ("any", "maskable")
    ]
