"""The position of each block of a matrix clip: in the upright frame, in the stored frame, and in the GIF.

The visible part of the frame has five columns and four rows of blocks. The first two rows are the bits of the
frame number, highest first. The other two rows are color patches.
"""

from dataclasses import dataclass

from tests.support.matrix_colors import PATCHES
from tests.support.matrix_rows import Row

COLUMNS, BIT_ROWS, ROWS = 5, 2, 4
BITS = COLUMNS * BIT_ROWS
COLORS = tuple(PATCHES)
FOCUS = (0.3, 0.8)
SIZES_PX = {
    "16x9": (160, 90),
    "9x16": (90, 160),
    "2.39x1": (216, 90),
    "odd": (161, 91),
    "tiny": (40, 24),
    "extreme": (576, 64),
}
"""The size of each aspect ratio in pixels as stored, but upright."""
ASPECT_RATIO_TOLERANCE = 0.02  # a clip this close to the GIF's aspect ratio is always cropped

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


@dataclass(frozen=True)
class Layout:
    """The geometry of one row of the matrix.

    `visible` is the part that the GIF shows, in pixels of the upright frame. `target` is where that part is
    in the GIF.
    """

    width_px: int
    height_px: int
    rotation: str
    sar: float
    visible: Box
    target: Box

    @property
    def coded_px(self) -> tuple[int, int]:
        """Width and height before rotation."""
        sides = (self.width_px, self.height_px)
        return sides[::-1] if self.rotation in ("90", "270") else sides

    def block_at(self, x: float, y: float) -> str | int:
        """Return the block at a point of the stored frame: a color's name or the number of a bit."""
        x, y = self._to_upright(x, y)
        left, top, right, bottom = self.visible
        column = int((x - left) / (right - left) * COLUMNS)
        row = int((y - top) / (bottom - top) * ROWS)
        if not (left <= x < right and top <= y < bottom):
            return "purple"
        index = min(row, ROWS - 1) * COLUMNS + min(column, COLUMNS - 1)
        return BITS - 1 - index if index < BITS else COLORS[index - BITS]

    def _to_upright(self, x: float, y: float) -> tuple[float, float]:
        """Apply the display matrix as a player does. `rotation` is counterclockwise."""
        width, height = self.coded_px
        match self.rotation:
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
        """Return the center of each block in the GIF, a quarter as wide and high as the block."""
        left, top, right, bottom = self.target
        width, height = (right - left) / COLUMNS, (bottom - top) / ROWS
        boxes: dict[str | int, Box] = {}
        for index in range(COLUMNS * ROWS):
            row, column = divmod(index, COLUMNS)
            x, y = left + (column + 0.5) * width, top + (row + 0.5) * height
            name = BITS - 1 - index if index < BITS else COLORS[index - BITS]
            boxes[name] = (x - width / 8, y - height / 8, x + width / 8, y + height / 8)
        return boxes


def make_layout(row: Row) -> Layout:
    """Return the geometry of a row's clip and GIF."""
    width, height = SIZES_PX[row["aspect"]]
    numerator, denominator = map(int, row["sar"].split("x"))
    sar = numerator / denominator
    upright_sar = 1 / sar if row["rotation"] in ("90", "270") else sar
    gif_width, gif_height = map(int, row["size"].split("x"))
    clip_ratio = width * upright_sar / height
    gif_ratio = gif_width / gif_height
    visible: Box = (0, 0, width, height)
    target: Box = (0, 0, gif_width, gif_height)
    if row["framing"] == "fill" or abs(clip_ratio - gif_ratio) < ASPECT_RATIO_TOLERANCE:
        visible_width = width * min(1, gif_ratio / clip_ratio)
        visible_height = height * min(1, clip_ratio / gif_ratio)
        left = min(max(0, width * FOCUS[0] - visible_width / 2), width - visible_width)
        top = min(max(0, height * FOCUS[1] - visible_height / 2), height - visible_height)
        visible = (left, top, left + visible_width, top + visible_height)
    else:
        fitted_width = gif_width * min(1, clip_ratio / gif_ratio)
        fitted_height = gif_height * min(1, gif_ratio / clip_ratio)
        x, y = (gif_width - fitted_width) / 2, (gif_height - fitted_height) / 2
        target = (x, y, x + fitted_width, y + fitted_height)
    return Layout(width, height, row["rotation"], sar, visible, target)
