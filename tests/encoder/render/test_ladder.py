"""What the sample tells decides: how many colors, whether to dither, and what each rung should take."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest

from chromi.encoder.options import ConversionOptions, Quality
from chromi.encoder.render.ladder import DITHER, Choice, choose
from chromi.encoder.render.quality_metrics import QualityScores
from chromi.encoder.render.renderer import CLEAR, KINDS, OPAQUE, RenderSettings
from chromi.encoder.render.sample import Measurement

BALANCED = ConversionOptions()
LIKE_256 = QualityScores(vmaf=99, cambi=0, blurred_psnr_db=46)
DITHERED = RenderSettings(dither=DITHER)


class Sampled:
    """A sample whose drawings look and weigh as a test says."""

    whole = SimpleNamespace(count=144)
    moving = 143

    def __init__(self, looks: dict[RenderSettings, Measurement], fewest_bytes: float) -> None:
        self.looks = looks
        self.fewest_bytes = fewest_bytes
        self.palettes: set[RenderSettings] = set()
        self.asked: list[RenderSettings] = []
        self.weighed: list[RenderSettings] = []
        self.is_cut = False

    def cut(self, check: Callable[[], None]) -> None:
        self.is_cut = True

    def write_palette(self, drawing: RenderSettings) -> None:
        self.palettes.add(drawing)

    def look(self, drawing: RenderSettings, check: Callable[[], None]) -> Measurement:
        assert self.is_cut
        assert replace(drawing, dither="none") in self.palettes
        self.asked.append(drawing)
        return self.looks[drawing]

    def weigh(self, drawing: RenderSettings, check: Callable[[], None]) -> float:
        assert self.is_cut
        self.weighed.append(drawing)
        return self.fewest_bytes


def choose_from(
    many: QualityScores,
    few: QualityScores,
    dithered: QualityScores | None = None,
    *,
    many_mb: float = 20,
    few_mb: float = 10,
    many_kinds: frozenset[str] = frozenset(),
    options: ConversionOptions = BALANCED,
) -> tuple[Choice, Sampled]:
    looks = {
        RenderSettings(256): Measurement(RenderSettings(256), many_mb * 1e6, many_kinds, many),
        RenderSettings(64): Measurement(RenderSettings(64), few_mb * 1e6, frozenset((OPAQUE,)), few),
    }
    if dithered:
        looks[DITHERED] = Measurement(DITHERED, 1.2 * many_mb * 1e6, frozenset(), dithered)
    sampled = Sampled(looks, few_mb * 0.6e6)
    return choose(sampled, options, threads=2, on_tick=lambda: None), sampled  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("many", "few", "balanced", "best"),
    [
        (LIKE_256, LIKE_256, 64, 64),
        (LIKE_256, QualityScores(98.95, 0, 45.5), 64, 112),
        (LIKE_256, QualityScores(98.7, 0, 46), 192, 192),  # a quarter of 0.3 VMAF is lost at 181
        (LIKE_256, QualityScores(99, 0, 42), 192, 256),  # a quarter of 4 dB at 181
        (LIKE_256, QualityScores(90, 0, 40), 256, 256),
        (QualityScores(99, 0, 56), QualityScores(99, 0, 50), 64, 96),  # a gradient: more than is seen
        (QualityScores(99, 0, 51), QualityScores(99, 0, 47), 64, 256),
    ],
)
def test_as_many_colors_are_taken_as_are_seen(
    many: QualityScores, few: QualityScores, balanced: int, best: int
) -> None:
    choice, _ = choose_from(many, few)
    assert choice.ladder[choice.balanced].drawing == RenderSettings(balanced)
    assert choice.ladder[choice.best_rung(ConversionOptions(quality=Quality.BEST))].drawing == RenderSettings(
        best
    )
    assert choice.best_rung(ConversionOptions(max_mb=50)) == choice.best, "what it may take is spent on looks"
    assert choice.best_rung(ConversionOptions(quality=Quality.SMALL)) == choice.balanced


def test_every_rung_is_expected_to_take_fewer_bytes_than_the_one_above() -> None:
    choice, _ = choose_from(LIKE_256, LIKE_256)
    expected = [rung.expected_bytes for rung in choice.ladder]
    assert expected == sorted(expected, reverse=True)
    assert len({rung.drawing for rung in choice.ladder}) == len(choice.ladder)
    assert choice.ladder[-1].drawing.fps == 12


def test_what_was_measured_is_what_is_expected() -> None:
    choice, _ = choose_from(LIKE_256, LIKE_256, many_mb=40, few_mb=20)
    by_colors = {rung.drawing.colors: rung.expected_bytes for rung in reversed(choice.ladder)}
    assert by_colors[256] == 40e6
    assert by_colors[128] == 30e6
    assert by_colors[64] == 20e6
    [plain_24] = [rung for rung in choice.ladder if rung.drawing == RenderSettings(24, kinds=KINDS)]
    assert plain_24.expected_bytes == pytest.approx(12e6)


def test_fewer_colors_are_weighed_only_where_a_budget_may_need_them() -> None:
    assert not choose_from(LIKE_256, LIKE_256, few_mb=11)[1].weighed
    assert choose_from(LIKE_256, LIKE_256, few_mb=13)[1].weighed == [RenderSettings(24)]
    assert choose_from(LIKE_256, LIKE_256, few_mb=11, options=ConversionOptions(max_mb=10))[1].weighed


def test_a_dither_is_not_even_tried_on_what_is_clear() -> None:
    _, sampled = choose_from(LIKE_256, LIKE_256)
    assert DITHERED not in sampled.asked


def test_a_dither_that_looks_better_is_the_top_of_the_ladder_until_it_takes_as_much() -> None:
    choice, _ = choose_from(QualityScores(86, 1, 42), QualityScores(68, 0, 36), QualityScores(92, 0, 44))
    dithers = [rung.drawing.dither for rung in choice.ladder]
    first_plain = dithers.index("none")
    assert first_plain > 1
    assert set(dithers[:first_plain]) == {DITHER}
    assert set(dithers[first_plain:]) == {"none"}
    assert choice.ladder[first_plain].drawing == RenderSettings(256)
    assert all(rung.expected_bytes > 20e6 for rung in choice.ladder[:first_plain])
    assert choice.balanced == 0


@pytest.mark.parametrize(
    "dithered",
    [QualityScores(84, 0, 40), QualityScores(86.5, 0, 42), QualityScores(88, 9, 42)],
    ids=["looks worse", "gains less than it costs", "bands"],
)
def test_a_dither_that_does_not_pay_is_left(dithered: QualityScores) -> None:
    choice, sampled = choose_from(QualityScores(86, 0, 42), QualityScores(68, 0, 36), dithered)
    assert DITHERED in sampled.asked
    assert {rung.drawing.dither for rung in choice.ladder} == {"none"}


def test_each_quality_is_estimated_under_its_budget() -> None:
    choice, _ = choose_from(LIKE_256, QualityScores(90, 0, 40), many_mb=40, few_mb=20)
    sizes = choice.estimates()
    assert sizes["best"] == 40e6
    assert 25e6 < sizes["balanced"] <= 30e6
    assert 9e6 < sizes["small"] <= 12e6


@pytest.mark.parametrize(
    ("many_kinds", "written"), [({CLEAR, OPAQUE}, (OPAQUE,)), ({CLEAR}, KINDS), ((), KINDS)]
)
def test_frames_are_written_once_if_one_kind_is_small_enough_everywhere(
    many_kinds: set[str], written: tuple[str, ...]
) -> None:
    choice, _ = choose_from(LIKE_256, LIKE_256, many_kinds=frozenset(many_kinds))
    assert {rung.drawing.kinds for rung in choice.ladder} == {written}
