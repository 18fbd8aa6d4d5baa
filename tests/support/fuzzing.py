"""What is thrown at the doors: the same examples in every run, or with FUZZ=100 so many times as many."""

import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

FACTOR = int(os.environ.get("FUZZ", "1"))


def bounded(examples: int) -> Callable[[Any], Any]:
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
TYPED = st.one_of(
    st.text(max_size=20),
    NUMBERS,
    st.builds("{}:{}".format, NUMBERS, NUMBERS),
    st.builds("{},{}".format, NUMBERS, NUMBERS),
    st.from_regex(r"\A[0-9]{1,3}:[0-9]{2}[.,][0-9]{1,3}\Z"),
    st.from_regex(r"\A#[0-9a-fA-F]{6}\Z"),
    st.floats().map(str),
    st.sampled_from(
        [
            "best",
            "SMALL",
            "fit",
            "blur",
            "boomerang",
            "1280x720",
            "on",
            "no",
            "auto",
            "0.5,0.3",
            "6",
            "1e3",
            "%s",
            "%(x)s",
        ]
    ),
)
PLACES = st.floats(0, 1)
