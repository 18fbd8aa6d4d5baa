"""Matrix rows with the codecs of the web."""

from pathlib import Path

import pytest

from tests.support.matrix_checks import check_row
from tests.support.matrix_rows import Row, row_id, rows_with

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("row", rows_with("vp8", "vp9", "av1"), ids=row_id)
def test_gif_matches_clip(row: Row, tmp_path: Path) -> None:
    check_row(row, tmp_path)
