"""Matrix rows with older codecs and GIF."""

from pathlib import Path

import pytest

from tests.support.matrix_checks import check_row
from tests.support.matrix_rows import Row, row_id, rows_with

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("row", rows_with("mpeg4", "mjpeg", "gif"), ids=row_id)
def test_gif_matches_clip(row: Row, tmp_path: Path) -> None:
    check_row(row, tmp_path)
