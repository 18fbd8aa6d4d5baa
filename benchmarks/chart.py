"""Draw size against quality: a row a clip, a dot a tool; VMAF at the left, color at the right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from benchmarks import contenders as who
from benchmarks.labels import Box, line_boxes, nice_ticks, place_label
from benchmarks.match import Figures, Match

SCALE = 2
"""The picture has twice the pixels that it is laid out in, for sharp screens."""

WIDTH, HEAD, ROW, FOOT, MARGIN = 1080, 118, 268, 34, 40
GAP, AXIS = 46, 34
PANEL_HEIGHT = 176
PAPER, INK, MUTED, LINE = "#fbfaf8", "#22242a", "#747882", "#e4e2dd"
CHROMI, GIFSKI, FFMPEG, GIFSICLE, MOVIEPY = "#d9482b", "#2f6fb0", "#5d6370", "#23877a", "#a8741a"

_TOOLS = {
    who.SMALL: ("Chromi small", CHROMI),
    who.BALANCED: ("Chromi balanced", CHROMI),
    who.BEST: ("Chromi best", CHROMI),
    who.GIFSKI_NEAR: ("gifski", GIFSKI),
    who.GIFSKI_100: ("gifski Q100", GIFSKI),
    who.GIFSICLE_ALONE: ("gifsicle", GIFSICLE),
    who.PLAIN: ("ffmpeg", FFMPEG),
    who.SPLIT: ("ffmpeg split", FFMPEG),
    who.MOVIEPY: ("MoviePy", MOVIEPY),
}
_MEASURES = (
    ("vmaf", "VMAF", "likeness to the clip, of 100", 22.0),
    ("blurred_psnr_db", "Color", "PSNR after a blur, dB", 14.0),
)


@dataclass(frozen=True)
class Dot:
    """One tool on one panel; a dot whose value lies below the panel stands on its floor."""

    label: str
    color: str
    x: float
    y: float
    is_below: bool


@dataclass(frozen=True)
class Panel:
    """A plot's frame in pixels and what its edges mean."""

    box: Box
    high_mb: float
    low: float
    high: float

    def x(self, size_mb: float) -> float:
        return self.box.left + (self.box.right - self.box.left) * size_mb / self.high_mb

    def y(self, value: float) -> float:
        share = (max(value, self.low) - self.low) / (self.high - self.low)
        return self.box.bottom - (self.box.bottom - self.box.top) * share


class Pen:
    """Pillow's, with lengths in layout pixels."""

    def __init__(self, width: int, height: int) -> None:
        self.image = Image.new("RGB", (width * SCALE, height * SCALE), PAPER)
        self._draw = ImageDraw.Draw(self.image)

    def text(
        self,
        at: tuple[float, float],
        text: str,
        size: float,
        color: str,
        anchor: str = "la",
        *,
        bold: bool = False,
    ) -> None:
        place = (at[0] * SCALE, at[1] * SCALE)
        # Pillow brings one weight; a hair's stroke makes it a second one.
        stroke = 0.6 if bold else 0
        self._draw.text(place, text, color, _font(size), anchor, stroke_width=stroke, stroke_fill=color)

    def line(self, points: Sequence[tuple[float, float]], color: str, width: float = 1) -> None:
        scaled = [(x * SCALE, y * SCALE) for x, y in points]
        self._draw.line(scaled, color, round(width * SCALE), joint="curve")

    def dot(self, x: float, y: float, radius: float, color: str, is_below: bool) -> None:
        for reach, fill in ((radius + 1.5, PAPER), (radius, color)):
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


def draw(matches: Sequence[Match], path: Path) -> None:
    """Draw every clip that has figures of quality to `path`, a PNG."""
    shown = [match for match in matches if any(figures.quality for figures in match.figures.values())]
    pen = Pen(WIDTH, HEAD + ROW * len(shown) + FOOT)
    _draw_head(pen)
    for number, match in enumerate(shown):
        _draw_row(pen, match, HEAD + ROW * number)
    pen.image.save(path, optimize=True)


def _draw_head(pen: Pen) -> None:
    pen.text((MARGIN, 30), "Size against quality", 26, INK, bold=True)
    about = (
        "Six seconds at 1280x720. Left is smaller, up is more like the clip; a triangle lies below the plot."
    )
    pen.text((MARGIN, 66), about, 14, MUTED)
    for number, (_, title, meaning, _) in enumerate(_MEASURES):
        left = _panel_left(number)
        pen.text((left, 98), title, 13, INK, bold=True)
        pen.text((left + text_width(title, 13) + 8, 98), meaning, 13, MUTED)


def _panel_left(number: int) -> float:
    return MARGIN + AXIS + number * (_panel_width() + GAP + AXIS)


def _panel_width() -> float:
    return (WIDTH - 2 * MARGIN - 2 * AXIS - GAP) / 2


def _draw_row(pen: Pen, match: Match, top: float) -> None:
    info = match.clip.info
    rate = f", {info.fps:g} fps" if info.fps else ""
    name = Path(match.clip.name).stem
    pen.text((MARGIN, top + 16), name, 16, INK, bold=True)
    facts = f"{info.width_px}x{info.height_px}{rate}"
    pen.text((MARGIN + text_width(name, 16) + 10, top + 19), facts, 12, MUTED)
    shown = {key: match.figures[key] for key in _TOOLS if key in match.figures and match.figures[key].quality}
    plain, split = shown.get(who.PLAIN), shown.get(who.SPLIT)
    if plain and split and plain.bytes == split.bytes:
        del shown[who.SPLIT]  # the same file, made in another way
    for number, (measure, _, _, span) in enumerate(_MEASURES):
        values = {key: float(getattr(figures.quality, measure)) for key, figures in shown.items()}
        left, panel_top = _panel_left(number), top + 46
        box = Box(left, panel_top, left + _panel_width(), panel_top + PANEL_HEIGHT)
        panel = _panel(box, shown, list(values.values()), span, 100 if measure == "vmaf" else None)
        _draw_axes(pen, panel)
        _draw_dots(pen, panel, shown, values)


def _panel(
    box: Box, shown: dict[str, Figures], values: list[float], span: float, ceiling: float | None
) -> Panel:
    """Choose the edges: from 0 MB, and from the worst value that is within `span` of the best."""
    best = max(values)
    worst = min(value for value in values if value >= best - span)
    air = max(0.4, (best - worst) * 0.16)
    high = best + air if ceiling is None else min(best + air, ceiling + 0.12 * (ceiling - worst + air))
    return Panel(box, max(figures.bytes for figures in shown.values()) / 1e6 * 1.14, worst - 1.3 * air, high)


def _draw_axes(pen: Pen, panel: Panel) -> None:
    box = panel.box
    for tick in nice_ticks(panel.low, panel.high, 6):
        y = panel.y(tick)
        pen.line([(box.left, y), (box.right, y)], LINE)
        pen.text((box.left - 8, y), f"{tick:g}", 11, MUTED, "rm")
    ticks = nice_ticks(0, panel.high_mb, 5)
    for tick in ticks:
        x = panel.x(tick)
        pen.line([(x, box.bottom), (x, box.bottom + 4)], MUTED)
        unit = " MB" if tick == ticks[-1] else ""
        pen.text((x, box.bottom + 8), f"{tick:g}{unit}", 11, MUTED, "ma")
    pen.line([(box.left, box.bottom), (box.right, box.bottom)], MUTED)


def _draw_dots(pen: Pen, panel: Panel, shown: dict[str, Figures], values: dict[str, float]) -> None:
    dots: dict[str, Dot] = {}
    for key in sorted(shown, key=who.BALANCED.__ne__):  # balanced has the first choice of a place
        figures = shown[key]
        label, color = _TOOLS[key]
        if key == who.GIFSKI_NEAR:
            label = figures.label.split(",")[0]
        is_below = values[key] < panel.low
        x, y = panel.x(figures.bytes / 1e6), panel.y(values[key])
        dots[key] = Dot(f"{label} {values[key]:.0f}" if is_below else label, color, x, y, is_below)
    taken = [Box.around(dot.x, dot.y, 7) for dot in dots.values()]
    for family in ((who.SMALL, who.BALANCED, who.BEST), (who.GIFSKI_NEAR, who.GIFSKI_100)):
        points = [(dots[key].x, dots[key].y) for key in family if key in dots and not dots[key].is_below]
        if len(points) > 1:
            pen.line(points, dots[family[-1]].color if family[-1] in dots else CHROMI, 1.2)
            for start, end in zip(points, points[1:], strict=False):
                taken += line_boxes(start, end)
    for key, dot in reversed(dots.items()):
        pen.dot(dot.x, dot.y, 6 if key == who.BALANCED else 4.5, dot.color, dot.is_below)
    for key, dot in dots.items():
        _draw_label(pen, panel, dot, taken, bold=key == who.BALANCED)


def _draw_label(pen: Pen, panel: Panel, dot: Dot, taken: list[Box], *, bold: bool) -> None:
    size, box = 12, panel.box
    inside = Box(box.left + 2, box.top - 12, box.right + 18, box.bottom - 2)
    place = place_label(dot.x, dot.y, text_width(dot.label, size), size, inside=inside, taken=taken)
    if not place:
        return  # its dot is there, and the table has the figures
    taken.append(place)
    near = (min(max(dot.x, place.left), place.right), min(max(dot.y, place.top), place.bottom))
    if abs(near[0] - dot.x) + abs(near[1] - dot.y) > 16:
        pen.line([(dot.x, dot.y), near], dot.color, 0.5)
    pen.text((place.left, (place.top + place.bottom) / 2), dot.label, size, dot.color, "lm", bold=bold)
