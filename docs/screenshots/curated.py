"""The few pictures that the README shows, small enough for a repository."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

FOLDER = Path(__file__).parent
SHOWN = (
    "studio-1440-light",
    "studio-360-dark",
    "studio-look-360-light",
    "job-making-360-dark",
    "result-1440-light",
    "receiver-360-light",
)
COLOURS = 256


def publish(folder: Path) -> None:
    """Copy them from the folder of all pictures."""
    for old in FOLDER.glob("*.png"):
        old.unlink()
    for name in SHOWN:
        with Image.open(folder / f"{name}.png") as picture:
            few = picture.convert("RGB").quantize(COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
            few.save(FOLDER / f"{name}.png", optimize=True)
