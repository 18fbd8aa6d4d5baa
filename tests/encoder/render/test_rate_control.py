"""The search for a size: the best looking that fits in few tries, or how small it got."""

from pathlib import Path

import pytest

from chromi.encoder.encoder_errors import CannotFit
from chromi.encoder.render.ladder import Choice, Rung
from chromi.encoder.render.rate_control import TYPICAL_TRIES, FittedGif, fit
from chromi.encoder.render.renderer import RenderSettings

LADDER = [Rung(RenderSettings(colors=colors), colors * 100_000.0) for colors in (256, 192, 128, 96, 64, 32)]
CHOICE = Choice(LADDER, best=0, balanced=0)


class Drawer:
    """Draws files of the size that the world would give, which is not quite what was expected."""

    def __init__(self, per_color: float) -> None:
        self.per_color = per_color
        self.drawn: list[int] = []

    def __call__(self, drawing: RenderSettings, path: Path) -> int:
        self.drawn.append(drawing.colors)
        size = round(drawing.colors * self.per_color)
        path.write_bytes(b"%d" % drawing.colors)
        return size


def search(drawer: Drawer, budget: float | None, tmp_path: Path) -> FittedGif:
    return fit(CHOICE, 0, budget, tmp_path / "o.gif", drawer)


def taken(tmp_path: Path) -> int:
    assert [path.name for path in tmp_path.iterdir()] == ["o.gif"]
    return int((tmp_path / "o.gif").read_bytes())


def test_without_a_budget_the_first_is_taken(tmp_path: Path) -> None:
    drawer = Drawer(100_000)
    assert search(drawer, None, tmp_path).tries == 1
    assert taken(tmp_path) == 256


def test_what_was_expected_right_takes_one_try(tmp_path: Path) -> None:
    drawer = Drawer(100_000)
    fitted = search(drawer, 10.5e6, tmp_path)
    assert (fitted.tries, fitted.bytes, taken(tmp_path)) == (1, 9_600_000, 96)


@pytest.mark.parametrize("wrong_by", [1.15, 1.3, 1.8, 2.5])
def test_what_turns_out_too_big_is_followed_by_what_fits(wrong_by: float, tmp_path: Path) -> None:
    drawer = Drawer(100_000 * wrong_by)
    fitted = search(drawer, 13.3e6, tmp_path)
    assert len(drawer.drawn) > 1
    assert fitted.bytes <= 13.3e6
    assert fitted.tries <= TYPICAL_TRIES
    assert taken(tmp_path) == fitted.drawing.colors


def test_much_room_is_used_for_better_looks(tmp_path: Path) -> None:
    fitted = search(Drawer(50_000), 9.8e6, tmp_path)
    assert fitted.drawing.colors == 128  # 192 would take 98 % of the budget, too close to aim at
    assert fitted.bytes <= 9.8e6
    assert taken(tmp_path) == 128


def test_no_drawing_is_made_twice(tmp_path: Path) -> None:
    drawer = Drawer(170_000)
    search(drawer, 12e6, tmp_path)
    assert len(drawer.drawn) == len(set(drawer.drawn))


def test_what_cannot_fit_says_how_small_it_got(tmp_path: Path) -> None:
    with pytest.raises(CannotFit, match=r"1 MB.* 3\.2 MB"):
        search(Drawer(100_000), 1e6, tmp_path)
    assert not list(tmp_path.iterdir())
