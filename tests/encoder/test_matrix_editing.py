"""Rows of the pairwise matrix with codecs of video editors, most of them lossless."""

from pathlib import Path

import pytest

from tests.support.matrix_checks import check_row
from tests.support.matrix_rows import Row, name_of, rows_with

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("row", rows_with("prores", "png", "ffv1", "raw"), ids=name_of)
def test_gif_matches_the_clip(row: Row, tmp_path: Path) -> None:
    check_row(row, tmp_path)
