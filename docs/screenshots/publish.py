"""Publish screenshots to the repository: some for the README, and each state once."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

FOLDER = Path(__file__).parent
README_SCREENSHOTS = (
    "studio-1440-light",
    "studio-360-dark",
    "studio-look-360-light",
    "job-making-360-dark",
    "result-1440-light",
    "receiver-360-light",
)
STATE_SUFFIX = "-360-dark"
"""Each state is shown on a phone in the dark color scheme."""
WEBP_QUALITY = 88
"""Text stays sharp and photographs smooth, in a fifth of the bytes of PNG."""
COLUMNS = 4

HEADING = """# Page states

All states that `make screenshots` captures, here on a phone in the dark color scheme. It also captures them
at 768 and 1440 px, and in the light color scheme.
"""


def publish(folder: Path) -> None:
    """Copy the screenshots from the folder of all captures and write the page that shows every state."""
    for old in FOLDER.rglob("*.webp"):
        old.unlink()
    for name in README_SCREENSHOTS:
        compress(folder / f"{name}.png", FOLDER / f"{name}.webp")
    states = sorted(path.stem.removesuffix(STATE_SUFFIX) for path in folder.glob(f"*{STATE_SUFFIX}.png"))
    for state in states:
        compress(folder / f"{state}{STATE_SUFFIX}.png", FOLDER / "states" / f"{state}.webp")
    (FOLDER / "README.md").write_text("\n".join((HEADING, *table_lines(states), "")))


def compress(source: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    with Image.open(source) as image:
        image.convert("RGB").save(target, quality=WEBP_QUALITY, method=6)


def table_lines(states: list[str]) -> list[str]:
    """Return a Markdown table with several states per row, each below its name."""
    lines = ["| " * COLUMNS + "|", "|---" * COLUMNS + "|"]
    for start in range(0, len(states), COLUMNS):
        row = states[start : start + COLUMNS]
        cells = [f"{state.replace('-', ' ')}<br>![{state}](states/{state}.webp)" for state in row]
        lines.append(f"| {' | '.join(cells)} |")
    return lines
