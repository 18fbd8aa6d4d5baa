"""Plot quality against size: one row per clip, one dot per tool, SSIMULACRA2 left, VMAF right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from benchmarks import tools
from benchmarks.comparison import Comparison, Measurement
from benchmarks.labels import Box, line_boxes, nice_ticks, place_label

SCALE = 2
"""Image pixels per layout pixel, for high-density screens."""

WIDTH, HEADER_HEIGHT, ROW_HEIGHT, FOOTER_HEIGHT, MARGIN = 1080, 118, 268, 34, 40
PANEL_GAP, AXIS_WIDTH = 46, 34
PANEL_HEIGHT = 176
BACKGROUND, TEXT_COLOR, MUTED_COLOR, GRID_COLOR = "#fbfaf8", "#22242a", "#747882", "#e4e2dd"
CHROMI, GIFSKI, FFMPEG, GIFSICLE, MOVIEPY = "#d9482b", "#2f6fb0", "#5d6370", "#23877a", "#a8741a"

_TOOLS = {
    tools.SMALL: ("Chromi small", CHROMI),
    tools.BALANCED: ("Chromi balanced", CHROMI),
    tools.BEST: ("Chromi best", CHROMI),
    **{key: (key.replace("gifski-", "gifski Q"), GIFSKI) for key in tools.GIFSKI},
    tools.GIFSICLE_ALONE: ("gifsicle", GIFSICLE),
    tools.PLAIN: ("ffmpeg", FFMPEG),
    tools.SPLIT: ("ffmpeg split", FFMPEG),
    tools.MOVIEPY: ("MoviePy", MOVIEPY),
}
_LABELED_GIFSKI = frozenset((tools.GIFSKI[0], tools.GIFSKI_100))
_MEASURES = (
    ("ssimulacra2", "SSIMULACRA2", "similarity to the clip as people see it, up to 100", 60.0),
    ("vmaf", "VMAF", "similarity to the clip, up to 100", 22.0),
)


@dataclass(frozen=True)
class Dot:
    """One tool in one panel. An `is_below` dot is drawn at the bottom edge: its value is below the panel."""

    label: str
    color: str
    x: float
    y: float
    is_below: bool


@dataclass(frozen=True)
class Panel:
    """The box of a plot in pixels and the values at its edges."""

    box: Box
    high_mb: float
    low: float
    high: float

    def x(self, size_mb: float) -> float:
        return self.box.left + (self.box.right - self.box.left) * size_mb / self.high_mb

    def y(self, value: float) -> float:
        share = (max(value, self.low) - self.low) / (self.high - self.low)
        return self.box.bottom - (self.box.bottom - self.box.top) * share


class Canvas:
    """An image to draw on, with lengths in layout pixels."""

    def __init__(self, width: int, height: int) -> None:
        self.image = Image.new("RGB", (width * SCALE, height * SCALE), BACKGROUND)
        self._draw = ImageDraw.Draw(self.image)

    def text(
        self,
        position: tuple[float, float],
        text: str,
        size: float,
        color: str,
        anchor: str = "la",
        *,
        bold: bool = False,
    ) -> None:
        scaled = (position[0] * SCALE, position[1] * SCALE)
        # The font in Pillow has one weight. A thin stroke makes it look bold.
        stroke = 0.6 if bold else 0
        self._draw.text(scaled, text, color, _font(size), anchor, stroke_width=stroke, stroke_fill=color)

    def line(self, points: Sequence[tuple[float, float]], color: str, width: float = 1) -> None:
        scaled = [(x * SCALE, y * SCALE) for x, y in points]
        self._draw.line(scaled, color, round(width * SCALE), joint="curve")

    def dot(self, x: float, y: float, radius: float, color: str, is_below: bool) -> None:
        for reach, fill in ((radius + 1.5, BACKGROUND), (radius, color)):
            if is_below:
                corners = ((x - reach, y - reach), (x + reach, y - reach), (x, y + reach))
                self._draw.polygon([(a * SCALE, b * SCALE) for a, b in corners], fill)
            else:
                edges = (x - reach, y - reach, x + reach, y + reach)
                self._draw.ellipse([edge * SCALE for edge in edges], fill)


def _font(size: float) -> ImageFont.FreeTypeFont:
    return ImageFont.load_default(size * SCALE)  # type: ignore[return-value]  # with a size it is never a bitmap


def text_width(text: str, size: float) -> float:
    """Return the width of a text in layout pixels."""
    return _font(size).getlength(text) / SCALE


def write_chart(comparisons: Sequence[Comparison], path: Path) -> None:
    """Write a chart of all clips with measured quality to `path`, a PNG."""
    shown = [
        comparison
        for comparison in comparisons
        if any(measurement.quality for measurement in comparison.measurements.values())
    ]
    canvas = Canvas(WIDTH, HEADER_HEIGHT + ROW_HEIGHT * len(shown) + FOOTER_HEIGHT)
    _draw_header(canvas)
    for number, comparison in enumerate(shown):
        _draw_row(canvas, comparison, HEADER_HEIGHT + ROW_HEIGHT * number)
    canvas.image.save(path, optimize=True)


def _draw_header(canvas: Canvas) -> None:
    canvas.text((MARGIN, 30), "Quality against size", 26, TEXT_COLOR, bold=True)
    subtitle = (
        "Six seconds at 1280x720. Left is smaller, up is closer to the clip; triangles are below the plot."
    )
    canvas.text((MARGIN, 66), subtitle, 14, MUTED_COLOR)
    for number, (_, title, meaning, _) in enumerate(_MEASURES):
        left = _panel_left(number)
        canvas.text((left, 98), title, 13, TEXT_COLOR, bold=True)
        canvas.text((left + text_width(title, 13) + 8, 98), meaning, 13, MUTED_COLOR)


def _panel_left(number: int) -> float:
    return MARGIN + AXIS_WIDTH + number * (_panel_width() + PANEL_GAP + AXIS_WIDTH)


def _panel_width() -> float:
    return (WIDTH - 2 * MARGIN - 2 * AXIS_WIDTH - PANEL_GAP) / 2


def _draw_row(canvas: Canvas, comparison: Comparison, top: float) -> None:
    info = comparison.clip.info
    rate = f", {info.fps:g} fps" if info.fps else ""
    name = Path(comparison.clip.name).stem
    canvas.text((MARGIN, top + 16), name, 16, TEXT_COLOR, bold=True)
    properties = f"{info.width_px}x{info.height_px}{rate}"
    canvas.text((MARGIN + text_width(name, 16) + 10, top + 19), properties, 12, MUTED_COLOR)
    shown = {
        key: comparison.measurements[key]
        for key in _TOOLS
        if key in comparison.measurements and comparison.measurements[key].quality
    }
    plain, split = shown.get(tools.PLAIN), shown.get(tools.SPLIT)
    if plain and split and plain.bytes == split.bytes:
        del shown[tools.SPLIT]  # both wrote the same file
    for number, (measure, _, _, span) in enumerate(_MEASURES):
        values = {key: float(getattr(measurement.quality, measure)) for key, measurement in shown.items()}
        left, panel_top = _panel_left(number), top + 46
        box = Box(left, panel_top, left + _panel_width(), panel_top + PANEL_HEIGHT)
        panel = _panel(box, shown, list(values.values()), span)
        _draw_axes(canvas, panel)
        _draw_dots(canvas, panel, shown, values)


def _panel(box: Box, shown: dict[str, Measurement], values: list[float], span: float) -> Panel:
    """Choose the ranges: sizes from 0 MB, values from the worst one within `span` of the best one."""
    best = max(values)
    worst = min(value for value in values if value >= best - span)
    padding = max(0.4, (best - worst) * 0.16)
    high = min(best + padding, 100 + 0.12 * (100 - worst + padding))
    max_mb = max(measurement.bytes for measurement in shown.values()) / 1e6
    return Panel(box, max_mb * 1.14, worst - 1.3 * padding, high)


def _draw_axes(canvas: Canvas, panel: Panel) -> None:
    box = panel.box
    for tick in nice_ticks(panel.low, panel.high, 6):
        y = panel.y(tick)
        canvas.line([(box.left, y), (box.right, y)], GRID_COLOR)
        canvas.text((box.left - 8, y), f"{tick:g}", 11, MUTED_COLOR, "rm")
    ticks = nice_ticks(0, panel.high_mb, 5)
    for tick in ticks:
        x = panel.x(tick)
        canvas.line([(x, box.bottom), (x, box.bottom + 4)], MUTED_COLOR)
        unit = " MB" if tick == ticks[-1] else ""
        canvas.text((x, box.bottom + 8), f"{tick:g}{unit}", 11, MUTED_COLOR, "ma")
    canvas.line([(box.left, box.bottom), (box.right, box.bottom)], MUTED_COLOR)


def _draw_dots(canvas: Canvas, panel: Panel, shown: dict[str, Measurement], values: dict[str, float]) -> None:
    dots: dict[str, Dot] = {}
    for key in sorted(shown, key=tools.BALANCED.__ne__):  # the label of balanced is placed first
        measurement = shown[key]
        label, color = _TOOLS[key]
        is_below = values[key] < panel.low
        x, y = panel.x(measurement.bytes / 1e6), panel.y(values[key])
        dots[key] = Dot(f"{label} {values[key]:.0f}" if is_below else label, color, x, y, is_below)
    occupied = [Box.around(dot.x, dot.y, 7) for dot in dots.values()]
    for line_keys in ((tools.SMALL, tools.BALANCED, tools.BEST), tools.GIFSKI):
        points = [(dots[key].x, dots[key].y) for key in line_keys if key in dots and not dots[key].is_below]
        if len(points) > 1:
            canvas.line(points, _TOOLS[line_keys[-1]][1], 1.2)
            for start, end in zip(points, points[1:], strict=False):
                occupied += line_boxes(start, end)
    for key, dot in reversed(dots.items()):
        canvas.dot(dot.x, dot.y, 6 if key == tools.BALANCED else 4.5, dot.color, dot.is_below)
    for key, dot in dots.items():
        if key in tools.GIFSKI and key not in _LABELED_GIFSKI:
            continue
        _draw_label(canvas, panel, dot, occupied, bold=key == tools.BALANCED)


def _draw_label(canvas: Canvas, panel: Panel, dot: Dot, occupied: list[Box], *, bold: bool) -> None:
    size, box = 12, panel.box
    inside = Box(box.left + 2, box.top - 12, box.right + 18, box.bottom - 2)
    label_box = place_label(dot.x, dot.y, text_width(dot.label, size), size, inside=inside, occupied=occupied)
    if not label_box:
        return  # only the label is left out
    occupied.append(label_box)
    x = min(max(dot.x, label_box.left), label_box.right)
    y = min(max(dot.y, label_box.top), label_box.bottom)
    if abs(x - dot.x) + abs(y - dot.y) > 16:
        canvas.line([(dot.x, dot.y), (x, y)], dot.color, 0.5)
    middle = (label_box.left, (label_box.top + label_box.bottom) / 2)
    canvas.text(middle, dot.label, size, dot.color, "lm", bold=bold)
