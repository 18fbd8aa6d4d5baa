"""Generate the rows of the pairwise test matrix: every possible pair of values occurs in at least one row."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import combinations, islice

Row = Mapping[str, str]
Pair = tuple[tuple[str, str], tuple[str, str]]
Partners = dict[tuple[str, str], set[tuple[str, str]]]
"""For each value those with which it forms an uncovered pair."""

PARAMETERS = {
    "codec": (
        *("h264", "hevc", "prores", "png", "vp8", "vp9", "av1", "ffv1", "raw", "mpeg4", "mjpeg", "gif"),
    ),
    "aspect": ("16x9", "9x16", "2.39x1", "odd", "tiny", "extreme"),
    "format": (
        *("yuv420", "yuv422", "yuv444", "yuv420p10", "yuv422p10", "yuv444p10", "rgb", "gray", "alpha"),
    ),
    "color": ("bt709", "bt601_525", "bt601_625", "bt2020", "p3", "hlg", "pq"),
    "rotation": ("0", "90", "180", "270", "hflip", "vflip"),
    "rate": ("24", "12", "29.97", "60", "240", "variable"),
    "sar": ("1x1", "4x3", "8x9"),
    "range": ("limited", "full"),
    "framing": ("fill", "fit", "blur"),
    "size": ("640x360", "1280x720", "1920x1080"),
    "loop": ("cut", "boomerang", "crossfade"),
    "speed": ("1", "0.5", "2"),
    "quality": ("small", "balanced", "best"),
    "start": ("beginning", "later"),
}
"""The properties of a clip and its conversion.

The first value of _COSTLY parameters is the fastest; GIFs of 640x360 are made only by these tests.
"""

_CONSTRAINED = ("codec", "format", "color", "range", "aspect", "rotation", "sar", "rate")
"""Parameters with values that are incompatible with some values of others."""
_COSTLY = ("size", "loop")
_SEEDS = 40
_SLOW_ROW_PENALTY = 2
"""How many more pairs than others the slowest kind of row must cover."""

_EIGHT_BIT = ("yuv420", "yuv422", "yuv444")
_TEN_BIT = ("yuv420p10", "yuv422p10", "yuv444p10")
_FORMATS = {
    "h264": (*_EIGHT_BIT, *_TEN_BIT, "rgb", "gray"),
    "hevc": (*_EIGHT_BIT, *_TEN_BIT, "rgb", "gray"),
    "prores": ("yuv422p10", "yuv444p10", "alpha"),
    "png": ("rgb", "gray", "alpha"),
    "vp8": ("yuv420", "alpha"),
    "vp9": (*_EIGHT_BIT, *_TEN_BIT, "rgb", "alpha"),
    "av1": (*_EIGHT_BIT, *_TEN_BIT, "rgb", "gray"),
    "ffv1": (*_EIGHT_BIT, *_TEN_BIT, "rgb", "gray", "alpha"),
    "raw": ("yuv422", "yuv422p10", "rgb", "alpha"),
    "mpeg4": ("yuv420",),
    "mjpeg": _EIGHT_BIT,
    "gif": ("rgb", "alpha"),
}
_HDR = ("hlg", "pq")
_WIDE_GAMUT = ("bt2020", "p3", *_HDR)
_ROTATABLE = ("h264", "hevc", "prores", "png", "raw", "mpeg4", "mjpeg")  # in MP4 and MOV
_LIMITED_ONLY = ("prores", "raw", "mpeg4")  # these files cannot be tagged as full range
_SRGB_ONLY = ("png", "mjpeg", "gif")  # these files have no color tags
_FULL_CHROMA = ("yuv444", "yuv444p10", "rgb", "gray")
_EVEN_CODECS = ("h264", "hevc", "prores", "raw")  # their encoders reject odd sides with subsampled chroma


def is_possible(row: Row) -> bool:
    """Return whether such files exist. Parameters may be missing."""
    codec, pixel_format, color = (row.get(name) for name in ("codec", "format", "color"))
    full = row.get("range") == "full"
    has_yuv_alpha = codec in (None, "vp8", "vp9", "prores")
    is_rgb = pixel_format == "rgb" or (pixel_format == "alpha" and not has_yuv_alpha)
    impossible = (
        codec and pixel_format and pixel_format not in _FORMATS[codec],
        color in _HDR and pixel_format and pixel_format not in _TEN_BIT,
        color in _HDR and codec and not set(_TEN_BIT) & set(_FORMATS[codec]),
        codec in _SRGB_ONLY and color not in (None, "bt709"),
        codec == "av1" and pixel_format == "rgb" and color not in (None, "bt709"),  # libaom supports no other
        codec == "mpeg4" and color in _WIDE_GAMUT,  # it predates these
        codec not in (None, *_ROTATABLE) and row.get("rotation") not in (None, "0"),
        codec in _LIMITED_ONLY and full and pixel_format and not is_rgb,
        (codec in ("png", "mjpeg", "gif") or is_rgb) and row.get("range") == "limited",
        codec == "gif" and (row.get("sar", "1x1") != "1x1" or row.get("rate") in ("60", "240")),
        row.get("aspect") == "tiny" and codec == "hevc",  # x265 crashes on these
        row.get("aspect") == "odd" and codec == "raw" and pixel_format == "rgb",  # ffmpeg pads differently
        row.get("aspect") == "odd"
        and codec in _EVEN_CODECS
        and pixel_format
        and pixel_format not in _FULL_CHROMA,
    )
    return not any(impossible)


@cache
def matrix_rows() -> tuple[Row, ...]:
    """Return the rows, which are the same in each run.

    The algorithm is greedy: it completes a row for each of the first uncovered pairs and takes the row that
    covers most. allpairspy is not used because it misses hundreds of pairs if values exclude each other.
    """
    uncovered = dict.fromkeys(possible_pairs())
    partners = _partners(uncovered)
    rows: list[Row] = []
    while uncovered:
        candidates = [_complete_row(dict(seed), partners, len(rows)) for seed in islice(uncovered, _SEEDS)]
        rows.append(max(candidates, key=lambda row: sum(pair in uncovered for pair in pairs_of(row))))
        for one, other in pairs_of(rows[-1]):
            uncovered.pop((one, other), None)
            partners[one].discard(other)
            partners[other].discard(one)
    return tuple(_make_cheaper(rows))


def _partners(pairs: Iterable[Pair]) -> Partners:
    """Return for each value those with which it forms one of the pairs."""
    partners: Partners = defaultdict(set)
    for one, other in pairs:
        partners[one].add(other)
        partners[other].add(one)
    return partners


def rows_with(*codecs: str) -> list[Row]:
    """Return the rows with these codecs. The rows are split into several test modules to run in parallel."""
    return [row for row in matrix_rows() if row["codec"] in codecs]


def row_id(row: Row) -> str:
    """Return the test ID of a row."""
    return "-".join(row.values())


def possible_pairs() -> Iterator[Pair]:
    """Yield each pair of values of two parameters that occurs in a possible row."""
    for first, second in combinations(PARAMETERS, 2):
        for one in PARAMETERS[first]:
            for other in PARAMETERS[second]:
                if _can_be_completed({first: one, second: other}):
                    yield (first, one), (second, other)


def pairs_of(row: Row) -> Iterator[Pair]:
    """Yield every pair of values in a row."""
    yield from combinations(((name, row[name]) for name in PARAMETERS if name in row), 2)


def _can_be_completed(row: Row) -> bool:
    """Return whether a possible row has these values."""
    return _has_completion(tuple((name, row[name]) for name in _CONSTRAINED if name in row))


@cache
def _has_completion(values: tuple[tuple[str, str], ...]) -> bool:
    row = dict(values)
    if not is_possible(row):
        return False
    missing = next((name for name in _CONSTRAINED if name not in row), None)
    return missing is None or any(_can_be_completed({**row, missing: value}) for value in PARAMETERS[missing])


def _complete_row(row: Row, uncovered: Partners, number: int) -> Row:
    """Complete row `number` with the values that cover most of the uncovered pairs.

    Ties go to the fastest value of costly parameters. For other parameters they go to a different value in
    each row, which covers more than pairs.
    """
    for name, values in PARAMETERS.items():
        if name in row:
            continue
        first = 0 if name in _COSTLY else number % len(values)
        possible = values[first:] + values[:first]
        if name in _CONSTRAINED:
            possible = tuple(value for value in possible if _can_be_completed({**row, name: value}))
        row = {**row, name: max(possible, key=lambda value: _count_new(row, name, value, uncovered))}
    return {name: row[name] for name in PARAMETERS}


def _count_new(row: Row, name: str, value: str, uncovered: Partners) -> int:
    """Return how many uncovered pairs a value forms with the values in the row."""
    covered = len(uncovered[name, value].intersection(row.items()))
    # Such a row takes three times as long as a row with one of these values.
    is_slow = {"1920x1080", "crossfade"} <= {value, *row.values()}
    return covered - _SLOW_ROW_PENALTY if is_slow else covered


def _make_cheaper(rows: list[Row]) -> list[Row]:
    """Replace values of costly parameters by the fastest one wherever all pairs stay covered."""
    counts = Counter(pair for row in rows for pair in pairs_of(row))
    for index, row in enumerate(rows):
        for name in _COSTLY:
            cheaper = {**row, name: PARAMETERS[name][0]}
            lost = set(pairs_of(row)) - set(pairs_of(cheaper))
            if is_possible(cheaper) and all(counts[pair] > 1 for pair in lost):
                counts.subtract(lost)
                counts.update(set(pairs_of(cheaper)) - set(pairs_of(row)))
                row = cheaper
        rows[index] = row
    return rows
