"""The pictures that the project keeps, small enough for it: some for the README, and each state once."""

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
KEPT = "-360-dark"
"""How each state is kept: a phone at night."""
COLORS = 256
IN_A_ROW = 4

HEADING = """# Every state

What `make screenshots` takes, here on a phone at night; each is there at 768 and 1440 px and by day, too.
"""


def publish(folder: Path) -> None:
    """Copy them from the folder of all pictures, and write the page that shows every state."""
    for old in FOLDER.rglob("*.png"):
        old.unlink()
    for name in SHOWN:
        copy(folder / f"{name}.png", FOLDER / f"{name}.png")
    states = sorted(path.stem.removesuffix(KEPT) for path in folder.glob(f"*{KEPT}.png"))
    for state in states:
        copy(folder / f"{state}{KEPT}.png", FOLDER / "states" / f"{state}.png")
    (FOLDER / "README.md").write_text("\n".join((HEADING, *rows(states), "")))


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    with Image.open(source) as picture:
        few = picture.convert("RGB").quantize(COLORS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        few.save(target, optimize=True)


def rows(states: list[str]) -> list[str]:
    """Some states side by side as lines of Markdown, each under its name."""
    lines = ["| " * IN_A_ROW + "|", "|---" * IN_A_ROW + "|"]
    for begin in range(0, len(states), IN_A_ROW):
        row = states[begin : begin + IN_A_ROW]
        cells = [f"{state.replace('-', ' ')}<br>![{state}](states/{state}.png)" for state in row]
        lines.append(f"| {' | '.join(cells)} |")
    return lines
