"""The rows of the pairwise matrix: every possible pair of values occurs in at least one of them."""

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import combinations, islice

Row = Mapping[str, str]
Pair = tuple[tuple[str, str], tuple[str, str]]

PARAMETERS = {
    "codec": (
        *("h264", "hevc", "prores", "png", "vp8", "vp9", "av1", "ffv1", "raw", "mpeg4", "mjpeg", "gif"),
    ),
    "shape": ("16x9", "9x16", "1x1", "4x5", "2.39x1", "odd", "tiny", "extreme"),
    "format": (
        *("yuv420", "yuv422", "yuv444", "yuv420p10", "yuv422p10", "yuv444p10", "rgb", "gray", "alpha"),
    ),
    "color": ("bt709", "bt601_525", "bt601_625", "bt2020", "p3", "hlg", "pq"),
    "turn": ("0", "90", "180", "270", "hflip", "vflip"),
    "rate": ("24", "12", "29.97", "60", "240", "variable"),
    "sar": ("1x1", "4x3", "8x9"),
    "range": ("limited", "full"),
    "framing": ("fill", "fit", "blur"),
    "size": ("1280x720", "1920x1080"),
    "loop": ("cut", "boomerang", "crossfade"),
    "speed": ("1", "0.5", "2"),
    "quality": ("small", "balanced", "best"),
    "start": ("beginning", "later"),
}
"""What a clip and its conversion can be. Of _COSTLY ones the first value costs least."""

_EXCLUSIVE = ("codec", "format", "color", "range", "shape", "turn", "sar", "rate")
"""Parameters whose values exclude some of others."""
_COSTLY = ("size", "loop")
_SEEDS = 40
_SLOW_ROW = 2
"""How many pairs the slowest kind of row must cover beyond what others do."""

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
_WIDE = ("bt2020", "p3", *_HDR)
_TURNED = ("h264", "hevc", "prores", "png", "raw", "mpeg4", "mjpeg")  # in MP4 and MOV
_LIMITED_ONLY = ("prores", "raw", "mpeg4")  # these files cannot say that they are full range
_SRGB_ONLY = ("png", "mjpeg", "gif")  # these files name no other colors
_WHOLE_CHROMA = ("yuv444", "yuv444p10", "rgb", "gray")
_EVEN_CODECS = ("h264", "hevc", "prores", "raw")  # their encoders refuse odd sides with subsampled chroma


def is_possible(row: Row) -> bool:
    """Tell whether there are files like this; parameters may be missing."""
    codec, form, color = (row.get(name) for name in ("codec", "format", "color"))
    full = row.get("range") == "full"
    is_rgb = form == "rgb" or (form == "alpha" and codec not in (None, "vp8", "vp9", "prores"))
    impossible = (
        codec and form and form not in _FORMATS[codec],
        color in _HDR and form and form not in _TEN_BIT,
        color in _HDR and codec and not set(_TEN_BIT) & set(_FORMATS[codec]),
        codec in _SRGB_ONLY and color not in (None, "bt709"),
        codec == "av1" and form == "rgb" and color not in (None, "bt709"),  # as libaom writes it
        codec == "mpeg4" and color in _WIDE,  # older than these
        codec not in (None, *_TURNED) and row.get("turn") not in (None, "0"),
        codec in _LIMITED_ONLY and full and form and not is_rgb,
        (codec in ("png", "mjpeg", "gif") or is_rgb) and row.get("range") == "limited",
        codec == "gif" and (row.get("sar", "1x1") != "1x1" or row.get("rate") in ("60", "240")),
        row.get("shape") == "tiny" and codec == "hevc",  # x265 crashes on these
        row.get("shape") == "odd" and codec == "raw" and form == "rgb",  # ffmpeg writes and reads other rows
        row.get("shape") == "odd" and codec in _EVEN_CODECS and form and form not in _WHOLE_CHROMA,
    )
    return not any(impossible)


@cache
def matrix_rows() -> tuple[Row, ...]:
    """Return the rows, the same in each run.

    Greedy: the first pairs that are left each begin a row, and the row that covers most is taken. Not
    allpairspy: where values exclude each other it gives up early and leaves hundreds of pairs out.
    """
    left = dict.fromkeys(possible_pairs())
    rows: list[Row] = []
    while left:
        candidates = [_fill(dict(seed), left, len(rows)) for seed in islice(left, _SEEDS)]
        rows.append(max(candidates, key=lambda row: sum(pair in left for pair in pairs_of(row))))
        for pair in pairs_of(rows[-1]):
            left.pop(pair, None)
    return tuple(_make_cheap(rows))


def rows_with(*codecs: str) -> list[Row]:
    """Return the rows of some codecs: several modules of tests, so that several workers share them."""
    return [row for row in matrix_rows() if row["codec"] in codecs]


def name_of(row: Row) -> str:
    return "-".join(row.values())


def possible_pairs() -> Iterator[Pair]:
    """Yield each pair of values of two parameters that some possible row has."""
    for first, second in combinations(PARAMETERS, 2):
        for one in PARAMETERS[first]:
            for other in PARAMETERS[second]:
                if _can_be_completed({first: one, second: other}):
                    yield (first, one), (second, other)


def pairs_of(row: Row) -> Iterator[Pair]:
    """Yield every pair of values of a row."""
    yield from combinations(((name, row[name]) for name in PARAMETERS if name in row), 2)


def _can_be_completed(row: Row) -> bool:
    return _complete(tuple((name, row[name]) for name in _EXCLUSIVE if name in row))


@cache
def _complete(values: tuple[tuple[str, str], ...]) -> bool:
    row = dict(values)
    if not is_possible(row):
        return False
    missing = next((name for name in _EXCLUSIVE if name not in row), None)
    return missing is None or any(_can_be_completed({**row, missing: value}) for value in PARAMETERS[missing])


def _fill(row: Row, left: Mapping[Pair, None], number: int) -> Row:
    """Complete a row, each value the one that covers most of what is left.

    Of several the cheapest; where none is, another one in each row, so that the matrix meets more than pairs.
    """
    for name, values in PARAMETERS.items():
        if name in row:
            continue
        first = 0 if name in _COSTLY else number % len(values)
        fitting = [
            value for value in values[first:] + values[:first] if _can_be_completed({**row, name: value})
        ]
        row = {**row, name: max(fitting, key=lambda value: _count_new(row, name, value, left))}
    return {name: row[name] for name in PARAMETERS}


def _count_new(row: Row, name: str, value: str, left: Mapping[Pair, None]) -> int:
    """Count what a value would cover together with those that the row has."""
    new = (name, value)
    covered = sum((old, new) in left or (new, old) in left for old in row.items())
    is_slow = {"1920x1080", "crossfade"} <= {value, *row.values()}  # thrice the time of a row that has one
    return covered - _SLOW_ROW if is_slow else covered


def _make_cheap(rows: list[Row]) -> list[Row]:
    """Give a row the cheapest value wherever no pair is lost by it."""
    times = Counter(pair for row in rows for pair in pairs_of(row))
    for index, row in enumerate(rows):
        for name in _COSTLY:
            cheap = {**row, name: PARAMETERS[name][0]}
            lost = set(pairs_of(row)) - set(pairs_of(cheap))
            if is_possible(cheap) and all(times[pair] > 1 for pair in lost):
                times.subtract(lost)
                times.update(set(pairs_of(cheap)) - set(pairs_of(row)))
                row = cheap
        rows[index] = row
    return rows
