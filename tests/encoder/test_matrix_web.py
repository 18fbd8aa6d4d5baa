"""Rows of the pairwise matrix with codecs of the web."""

from pathlib import Path

import pytest

from tests.support.matrix_checks import check_row
from tests.support.matrix_rows import Row, name_of, rows_with

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("row", rows_with("vp8", "vp9", "av1"), ids=name_of)
def test_gif_matches_the_clip(row: Row, tmp_path: Path) -> None:
    check_row(row, tmp_path)
