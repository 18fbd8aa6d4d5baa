"""Rate control finds the best quality that fits in few renderings, or reports the smallest size reached."""

from pathlib import Path

import pytest

from chromi.encoder.encoder_errors import CannotFit
from chromi.encoder.render.candidates import Rung
from chromi.encoder.render.ladder import Ladder
from chromi.encoder.render.rate_control import TYPICAL_TRIES, FittedGif, fit_to_budget
from chromi.encoder.render.render_settings import RenderSettings
from chromi.encoder.render.renderer import MAX_GIF_BYTES

RUNGS = [Rung(RenderSettings(colors=colors), colors * 100_000.0) for colors in (256, 192, 128, 96, 64, 32)]
LADDER = Ladder(RUNGS)


class FakeRenderer:
    """Write the number of colors to a file and return a size that may differ from the expected one."""

    def __init__(self, bytes_per_color: float) -> None:
        self.bytes_per_color = bytes_per_color
        self.rendered: list[int] = []

    def __call__(self, settings: RenderSettings, path: Path) -> int:
        self.rendered.append(settings.colors)
        path.write_bytes(b"%d" % settings.colors)
        return round(settings.colors * self.bytes_per_color)


def fit(renderer: FakeRenderer, budget_bytes: float, folder: Path, *, must_fit: bool = True) -> FittedGif:
    return fit_to_budget(LADDER, 0, budget_bytes, folder / "o.gif", renderer, must_fit=must_fit)


def published_colors(folder: Path) -> int:
    assert [path.name for path in folder.iterdir()] == ["o.gif"]
    return int((folder / "o.gif").read_bytes())


def test_first_rung_is_used_if_it_fits(tmp_path: Path) -> None:
    assert fit(FakeRenderer(100_000), MAX_GIF_BYTES, tmp_path).tries == 1
    assert published_colors(tmp_path) == 256


def test_correct_prediction_needs_one_try(tmp_path: Path) -> None:
    fitted = fit(FakeRenderer(100_000), 10.5e6, tmp_path)
    assert (fitted.tries, fitted.bytes, published_colors(tmp_path)) == (1, 9_600_000, 96)


@pytest.mark.parametrize("error", [1.15, 1.3, 1.8, 2.5])
def test_too_large_result_is_followed_by_one_that_fits(error: float, tmp_path: Path) -> None:
    renderer = FakeRenderer(100_000 * error)
    fitted = fit(renderer, 13.3e6, tmp_path)
    assert len(renderer.rendered) > 1
    assert fitted.bytes <= 13.3e6
    assert fitted.tries <= TYPICAL_TRIES
    assert published_colors(tmp_path) == fitted.settings.colors


def test_smallest_result_is_used_if_it_need_not_fit(tmp_path: Path) -> None:
    fitted = fit(FakeRenderer(100_000), 1e6, tmp_path, must_fit=False)
    assert (fitted.settings.colors, fitted.bytes, published_colors(tmp_path)) == (32, 3_200_000, 32)


def test_unused_budget_is_spent_on_quality(tmp_path: Path) -> None:
    fitted = fit(FakeRenderer(50_000), 9.8e6, tmp_path)
    assert fitted.settings.colors == 128  # 192 would take 98 % of the budget, which is over the target
    assert fitted.bytes <= 9.8e6
    assert published_colors(tmp_path) == 128


def test_no_settings_are_rendered_twice(tmp_path: Path) -> None:
    renderer = FakeRenderer(170_000)
    fit(renderer, 12e6, tmp_path)
    assert len(renderer.rendered) == len(set(renderer.rendered))


def test_error_names_smallest_size_reached(tmp_path: Path) -> None:
    with pytest.raises(CannotFit, match=r"3\.2 MB.* 1 MB"):
        fit(FakeRenderer(100_000), 1e6, tmp_path)
    assert not list(tmp_path.iterdir())
