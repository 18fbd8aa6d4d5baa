"""Prepare the estimated sizes of a clip for the studio's cards."""

from __future__ import annotations

from typing import TypedDict

from flask import url_for
from flask_babel import gettext, ngettext

from chromi.db import Job
from chromi.encoder import Quality, SizeEstimate
from chromi.web.http.template_filters import filesize

SMALLEST_SHOWN_BYTES = 100_000
"""An estimate of fewer bytes may be off by more than its value."""


class QualityCard(TypedDict):
    """What a card shows for a quality.

    `still` is the URL of an image. `notice` and `description` may be empty.
    """

    label: str
    size: str
    still: str
    description: str
    notice: str


def quality_cards(job: Job | None) -> dict[str, QualityCard]:
    """Return the cards by quality, smallest first, or an empty dict until the sizes are known."""
    estimates = job and job.size_estimates
    if not job or not estimates:
        return {}
    labels = {
        Quality.SMALL: gettext("Small"),
        Quality.BALANCED: gettext("Balanced"),
        Quality.BEST: gettext("Best"),
    }
    cards: dict[str, QualityCard] = {}
    same: QualityCard | None = None
    for quality, estimate in estimates.items():
        label, losses = labels[Quality(quality)], ", ".join(_losses(estimate))
        card: QualityCard = {
            "label": label,
            "size": filesize(max(estimate.bytes, SMALLEST_SHOWN_BYTES)),
            "still": url_for("clip_analysis.still", job_id=job.id, quality=quality),
            "description": losses[:1].upper() + losses[1:],
            "notice": _notice(label, losses) if losses else "",
        }
        if same and card["size"] == same["size"]:
            card["description"] = gettext("Same as %(quality)s for this video", quality=same["label"])
        else:
            same = card
        cards[quality] = card
    return cards


def _losses(estimate: SizeEstimate) -> list[str]:
    """Name what this size costs visibly."""
    losses = []
    if estimate.reduced_fps:
        losses.append(ngettext("%(num)s frame per second", "%(num)s frames per second", estimate.reduced_fps))
    if estimate.reduced_colors:
        losses.append(gettext("fewer colors"))
    if estimate.is_lossy:
        losses.append(gettext("less detail"))
    return losses


def _notice(label: str, losses: str) -> str:
    """Say what a size costs and how to avoid it."""
    notice = gettext("%(quality)s shows this video with %(losses)s.", quality=label, losses=losses)
    advice = gettext(
        "For better quality, choose a larger file size, a shorter length, or a part with less motion."
    )
    return f"{notice} {advice}"
