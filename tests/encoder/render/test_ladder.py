"""The ladder follows from the measurements: number of colors, dithering, and expected size of each rung."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from chromi.encoder.options import ConversionOptions, Quality
from chromi.encoder.render.ladder import DITHER, Ladder, build_ladder
from chromi.encoder.render.quality_metrics import QualityScores
from chromi.encoder.render.renderer import OPAQUE, TRANSPARENT, UNCHANGED_PIXELS, RenderSettings
from chromi.encoder.render.sample import Measurement

BALANCED = ConversionOptions()
HIGH_SCORES = QualityScores(vmaf=99, cambi=0, blurred_psnr_db=46)
DITHERED = RenderSettings(dither=DITHER)


class FakeSampler:
    """Return given measurements and record which were requested."""

    frame_count = 144
    moving_count = 143

    def __init__(self, measurements: dict[RenderSettings, Measurement], fewest_bytes: float) -> None:
        self.measurements = measurements
        self.fewest_bytes = fewest_bytes
        self.prepared: list[RenderSettings] = []
        self.measured: list[RenderSettings] = []
        self.sizes_measured: list[RenderSettings] = []

    def prepare(self, settings: Sequence[RenderSettings]) -> None:
        self.prepared += settings

    def measure_all(
        self, settings: Sequence[RenderSettings], *, size_only: Sequence[RenderSettings] = ()
    ) -> tuple[list[Measurement], list[float]]:
        assert all(replace(item, dither="none") in self.prepared for item in settings)
        assert self.prepared
        self.measured += settings
        self.sizes_measured += size_only
        return [self.measurements[item] for item in settings], [self.fewest_bytes for _ in size_only]


def build(
    many: QualityScores,
    few: QualityScores,
    dithered: QualityScores | None = None,
    *,
    many_mb: float = 20,
    few_mb: float = 10,
    many_encodings: frozenset[str] = frozenset(),
    options: ConversionOptions = BALANCED,
) -> tuple[Ladder, FakeSampler]:
    measurements = {
        RenderSettings(256): Measurement(RenderSettings(256), many_mb * 1e6, many_encodings, many),
        RenderSettings(64): Measurement(RenderSettings(64), few_mb * 1e6, frozenset((OPAQUE,)), few),
    }
    if dithered:
        measurements[DITHERED] = Measurement(DITHERED, 1.2 * many_mb * 1e6, frozenset(), dithered)
    sampler = FakeSampler(measurements, few_mb * 0.6e6)
    return build_ladder(sampler, options), sampler  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("many", "few", "balanced", "best"),
    [
        (HIGH_SCORES, HIGH_SCORES, 64, 64),
        (HIGH_SCORES, QualityScores(98.95, 0, 45.5), 64, 112),
        (HIGH_SCORES, QualityScores(98.7, 0, 46), 192, 192),  # a quarter of 0.3 VMAF is lost at 181
        (HIGH_SCORES, QualityScores(99, 0, 42), 192, 256),  # a quarter of 4 dB is lost at 181
        (HIGH_SCORES, QualityScores(90, 0, 40), 256, 256),
        (QualityScores(99, 0, 56), QualityScores(99, 0, 50), 64, 96),  # a gradient: nothing visible is lost
        (QualityScores(99, 0, 51), QualityScores(99, 0, 47), 64, 256),
    ],
)
def test_quality_levels_start_with_the_fewest_colors_within_tolerance(
    many: QualityScores, few: QualityScores, balanced: int, best: int
) -> None:
    ladder, _ = build(many, few)
    best_start = ladder.start_index(ConversionOptions(quality=Quality.BEST))
    assert ladder.rungs[ladder.balanced_start].settings == RenderSettings(balanced)
    assert ladder.rungs[best_start].settings == RenderSettings(best)
    assert ladder.start_index(ConversionOptions(max_mb=50)) == ladder.best_start, "max_mb may be used up"
    assert ladder.start_index(ConversionOptions(quality=Quality.SMALL)) == ladder.balanced_start


def test_expected_bytes_decrease_from_rung_to_rung() -> None:
    ladder, _ = build(HIGH_SCORES, HIGH_SCORES)
    expected = [rung.expected_bytes for rung in ladder.rungs]
    assert expected == sorted(expected, reverse=True)
    assert len({rung.settings for rung in ladder.rungs}) == len(ladder.rungs)
    assert ladder.rungs[-1].settings.fps == 12


def test_expected_bytes_match_measurements() -> None:
    ladder, _ = build(HIGH_SCORES, HIGH_SCORES, many_mb=40, few_mb=20)
    by_colors = {rung.settings.colors: rung.expected_bytes for rung in reversed(ladder.rungs)}
    assert by_colors[256] == 40e6
    assert by_colors[128] == 30e6
    assert by_colors[64] == 20e6
    fewest = RenderSettings(24, unchanged_pixels=UNCHANGED_PIXELS)
    [lossless] = [rung for rung in ladder.rungs if rung.settings == fewest]
    assert lossless.expected_bytes == pytest.approx(12e6)


def test_fewest_colors_are_measured_only_if_a_budget_may_need_them() -> None:
    assert not build(HIGH_SCORES, HIGH_SCORES, few_mb=11)[1].sizes_measured
    assert build(HIGH_SCORES, HIGH_SCORES, few_mb=13)[1].sizes_measured == [RenderSettings(24)]
    options = ConversionOptions(max_mb=10)
    assert build(HIGH_SCORES, HIGH_SCORES, few_mb=11, options=options)[1].sizes_measured


def test_dither_is_not_measured_at_high_scores() -> None:
    _, sampler = build(HIGH_SCORES, HIGH_SCORES)
    assert DITHERED not in sampler.measured


def test_better_dither_starts_the_ladder_while_larger_than_undithered() -> None:
    ladder, _ = build(QualityScores(86, 1, 42), QualityScores(68, 0, 36), QualityScores(92, 0, 44))
    dithers = [rung.settings.dither for rung in ladder.rungs]
    first_undithered = dithers.index("none")
    assert first_undithered > 1
    assert set(dithers[:first_undithered]) == {DITHER}
    assert set(dithers[first_undithered:]) == {"none"}
    assert ladder.rungs[first_undithered].settings == RenderSettings(256)
    assert all(rung.expected_bytes > 20e6 for rung in ladder.rungs[:first_undithered])
    assert ladder.balanced_start == 0


@pytest.mark.parametrize(
    "dithered",
    [QualityScores(84, 0, 40), QualityScores(86.5, 0, 42), QualityScores(88, 9, 42)],
    ids=["worse quality", "gains less than it costs", "more banding"],
)
def test_dither_is_not_used_when_not_worth_its_bytes(dithered: QualityScores) -> None:
    ladder, sampler = build(QualityScores(86, 0, 42), QualityScores(68, 0, 36), dithered)
    assert DITHERED in sampler.measured
    assert {rung.settings.dither for rung in ladder.rungs} == {"none"}


def test_estimates_stay_below_budgets() -> None:
    ladder, _ = build(HIGH_SCORES, QualityScores(90, 0, 40), many_mb=40, few_mb=20)
    estimates = ladder.estimate_bytes()
    assert estimates["best"] == 40e6
    assert 25e6 < estimates["balanced"] <= 30e6
    assert 9e6 < estimates["small"] <= 12e6


@pytest.mark.parametrize(
    ("many_encodings", "expected"),
    [({TRANSPARENT, OPAQUE}, (OPAQUE,)), ({TRANSPARENT}, UNCHANGED_PIXELS), ((), UNCHANGED_PIXELS)],
)
def test_single_encoding_is_used_if_sufficient_in_all_measurements(
    many_encodings: set[str], expected: tuple[str, ...]
) -> None:
    ladder, _ = build(HIGH_SCORES, HIGH_SCORES, many_encodings=frozenset(many_encodings))
    assert {rung.settings.unchanged_pixels for rung in ladder.rungs} == {expected}
