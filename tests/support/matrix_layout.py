"""Where the blocks of a matrix clip lie: in the upright picture, in the stored one, and in the GIF.

Five columns and four rows fill what is to be seen of the picture: two rows of bits, the highest first, that
tell the frame's number, and two of colors.
"""

from dataclasses import dataclass

from tests.support.matrix_colors import PATCHES
from tests.support.matrix_rows import Row

COLUMNS, BIT_ROWS, ROWS = 5, 2, 4
BITS = COLUMNS * BIT_ROWS
COLORS = tuple(PATCHES)
FOCUS = (0.3, 0.8)
SHAPES = {
    "16x9": (160, 90),
    "9x16": (90, 160),
    "1x1": (96, 96),
    "4x5": (96, 120),
    "2.39x1": (216, 90),
    "odd": (161, 91),
    "tiny": (40, 24),
    "extreme": (576, 64),
}
"""Upright, in the file's pixels."""
SAME_SHAPE = 0.02  # such a picture is filled whatever is asked for

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


@dataclass(frozen=True)
class Layout:
    """One row's geometry. `visible` is what the GIF shows, in pixels of the upright picture."""

    width_px: int
    height_px: int
    turn: str
    sar: float
    visible: Box
    target: Box
    """Where that is in the GIF."""

    @property
    def stored_px(self) -> tuple[int, int]:
        sides = (self.width_px, self.height_px)
        return sides[::-1] if self.turn in ("90", "270") else sides

    def name_at(self, x: float, y: float) -> str | int:
        """Return what lies at a point of the stored picture: a color's name, or the number of a bit."""
        x, y = self._upright(x, y)
        left, top, right, bottom = self.visible
        column = int((x - left) / (right - left) * COLUMNS)
        row = int((y - top) / (bottom - top) * ROWS)
        if not (left <= x < right and top <= y < bottom):
            return "purple"
        index = min(row, ROWS - 1) * COLUMNS + min(column, COLUMNS - 1)
        return BITS - 1 - index if index < BITS else COLORS[index - BITS]

    def _upright(self, x: float, y: float) -> tuple[float, float]:
        """Turn as a player does with the display matrix; `turn` is counter-clockwise."""
        width, height = self.stored_px
        match self.turn:
            case "90":
                return y, width - x
            case "180":
                return width - x, height - y
            case "270":
                return height - y, x
            case "hflip":
                return width - x, y
            case "vflip":
                return x, height - y
            case _:
                return x, y

    def gif_boxes(self) -> dict[str | int, Box]:
        """Return the middle of each block in the GIF, half as wide and high as the block."""
        left, top, right, bottom = self.target
        width, height = (right - left) / COLUMNS, (bottom - top) / ROWS
        boxes: dict[str | int, Box] = {}
        for index in range(COLUMNS * ROWS):
            row, column = divmod(index, COLUMNS)
            x, y = left + (column + 0.5) * width, top + (row + 0.5) * height
            name = BITS - 1 - index if index < BITS else COLORS[index - BITS]
            boxes[name] = (x - width / 8, y - height / 8, x + width / 8, y + height / 8)
        return boxes


def layout_of(row: Row) -> Layout:
    width, height = SHAPES[row["shape"]]
    numerator, denominator = map(int, row["sar"].split("x"))
    sar = numerator / denominator
    upright_sar = 1 / sar if row["turn"] in ("90", "270") else sar
    out_width, out_height = map(int, row["size"].split("x"))
    shown = width * upright_sar / height  # a square pixel is 1 wide and 1 high
    wanted = out_width / out_height
    visible: Box = (0, 0, width, height)
    target: Box = (0, 0, out_width, out_height)
    if row["framing"] == "fill" or abs(shown - wanted) < SAME_SHAPE:
        visible_width = width * min(1, wanted / shown)
        visible_height = height * min(1, shown / wanted)
        left = min(max(0, width * FOCUS[0] - visible_width / 2), width - visible_width)
        top = min(max(0, height * FOCUS[1] - visible_height / 2), height - visible_height)
        visible = (left, top, left + visible_width, top + visible_height)
    else:
        fitted_width = out_width * min(1, shown / wanted)
        fitted_height = out_height * min(1, wanted / shown)
        x, y = (out_width - fitted_width) / 2, (out_height - fitted_height) / 2
        target = (x, y, x + fitted_width, y + fitted_height)
    return Layout(width, height, row["turn"], sar, visible, target)
