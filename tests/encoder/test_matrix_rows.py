"""The test matrix covers every possible pair, and its expected HDR colors match Chromium."""

from itertools import combinations

import pytest

from tests.support.matrix_colors import PATCHES, SPACES, displayed_color
from tests.support.matrix_rows import PARAMETERS, matrix_rows, pairs_of, possible_pairs

# The pixels of these patches in 10-bit AV1 and VP9 clips, read back from a canvas in Chromium 156.
CHROMIUM = {
    "hlg": {
        "red": (144, 19, 23),
        "green": (7, 116, 31),
        "blue": (27, 41, 129),
        "yellow": (145, 131, 36),
        "cyan": (12, 116, 114),
        "purple": (116, 26, 110),
        "dark": (12, 12, 12),
        "gray": (92, 92, 92),
        "white": (206, 206, 206),
    },
    "pq": {
        "red": (143, 20, 20),
        "green": (2, 116, 29),
        "blue": (29, 42, 126),
        "yellow": (140, 132, 34),
        "cyan": (24, 116, 115),
        "purple": (114, 28, 110),
        "dark": (11, 11, 11),
        "gray": (92, 92, 92),
        "white": (227, 227, 227),
    },
}


@pytest.mark.slow
def test_every_possible_pair_occurs_in_a_row() -> None:
    assert {pair for row in matrix_rows() for pair in pairs_of(row)} == set(possible_pairs())


def test_most_pairs_of_values_are_possible() -> None:
    pairs = sum(
        len(PARAMETERS[first]) * len(PARAMETERS[second]) for first, second in combinations(PARAMETERS, 2)
    )
    assert len(set(possible_pairs())) > 0.85 * pairs


@pytest.mark.parametrize("transfer", CHROMIUM)
def test_expected_hdr_colors_match_chromium(transfer: str) -> None:
    """The tolerance allows for 8-bit rounding and the capped blue in Chromium's software conversion."""
    for name, chromium in CHROMIUM[transfer].items():
        expected = displayed_color(PATCHES[name], SPACES[transfer])
        assert max(abs(a - b) for a, b in zip(chromium, expected, strict=True)) <= 17, name
