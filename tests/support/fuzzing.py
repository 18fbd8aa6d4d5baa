"""Hypothesis settings and strategies of the fuzz tests.

Each run tests the same examples. FUZZ=100 tests a hundred times as many, and different ones in each run.
"""

import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

FACTOR = int(os.environ.get("FUZZ", "1"))


def limit_examples(examples: int) -> Callable[[Any], Any]:
    """Return a decorator that runs a test with this many examples, multiplied by FUZZ."""
    return settings(
        max_examples=examples * FACTOR,
        derandomize=FACTOR == 1,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70).map(str),
    st.sampled_from(["0", "-0", "", "nan", "inf", "N/A", "NOPTS", "9" * 5000, "1e9", "٣", "0x10", "1_0"]),
)
"""Numbers as strings, and strings that resemble numbers."""

OPTION_TEXTS = st.one_of(
    st.text(max_size=20),
    NUMBERS,
    st.builds("{}:{}".format, NUMBERS, NUMBERS),
    st.builds("{},{}".format, NUMBERS, NUMBERS),
    st.from_regex(r"\A[0-9]{1,3}:[0-9]{2}[.,][0-9]{1,3}\Z"),
    st.from_regex(r"\A#[0-9a-fA-F]{6}\Z"),
    st.floats().map(str),
    st.sampled_from(
        [
            *("best", "SMALL", "fit", "blur", "boomerang", "1280x720", "on", "no", "auto", "0.5,0.3"),
            *("6", "1e3", "%s", "%(x)s"),
        ]
    ),
)
"""Values of conversion options as a user might type them."""

POSITIONS = st.floats(0, 1)
"""Relative positions in a file."""
