"""The ladder follows from the measurements: what is given up first, and where each quality starts."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import log

import pytest

from chromi.encoder.options import ConversionOptions, Motion, Quality
from chromi.encoder.render.candidates import MIN_LOSS
from chromi.encoder.render.ladder import MAX_FALSE_COLOR, RICH_COLORS, TARGET_SHARE, Ladder, build_ladder
from chromi.encoder.render.render_settings import OPAQUE, TRANSPARENT, UNCHANGED_PIXELS, RenderSettings
from chromi.encoder.render.renderer import MAX_GIF_BYTES
from chromi.encoder.render.sample import Measurement

MANY, FEW = RenderSettings(256), RenderSettings(64)
LOW, HIGH = (RenderSettings(local_palettes=True, threshold=threshold) for threshold in (2, 6))

NOISY = {MANY: (72e6, 20.0), FEW: (36e6, 16.0), LOW: (110e6, 22.0), HIGH: (105e6, 18.0)}
"""Megabytes and quality of film with grain."""
CALM = {MANY: (9e6, 24.0), FEW: (6e6, 19.0), LOW: (8e6, 26.0), HIGH: (6.5e6, 25.0)}
"""Of a screen recording: local palettes are better at the same size."""
PARTICLES = {LOW: (4e6, 26.0), HIGH: (3e6, 25.0)}
"""So little changes that one palette for all frames is not measured."""
GRADIENT = {MANY: (40e6, 27.0), FEW: (12e6, 20.0), LOW: (28e6, 26.0), HIGH: (14e6, 24.0)}
CLIPS = {"noisy": NOISY, "calm": CALM, "particles": PARTICLES, "gradient": GRADIENT}


class FakeSampler:
    """Return given measurements and record which were requested."""

    frame_count = 144
    moving_count = 143

    def __init__(
        self,
        values: Mapping[RenderSettings, tuple[float, float]],
        encodings: Mapping[RenderSettings, set[str]],
        changed_share: float,
        *,
        false_colors: Mapping[RenderSettings, float] | None = None,
        has_all_frames: bool = False,
    ) -> None:
        self.values, self.encodings, self.changed_share = values, encodings, changed_share
        self.false_colors = false_colors or {}
        self.has_all_frames = has_all_frames
        self.measured: set[RenderSettings] = set()

    def measure(self, settings: Sequence[RenderSettings]) -> list[Measurement]:
        self.measured.update(settings)
        return [
            Measurement(
                *self.values[each],
                self.false_colors.get(each, 0.0),
                frozenset(self.encodings.get(each, ())),
            )
            for each in settings
        ]


def build(
    values: Mapping[RenderSettings, tuple[float, float]],
    *,
    encodings: Mapping[RenderSettings, set[str]] | None = None,
    false_colors: Mapping[RenderSettings, float] | None = None,
    **options: object,
) -> Ladder:
    changed_share = 0.2 if MANY in values else 0.1
    sampler = FakeSampler(values, encodings or {}, changed_share, false_colors=false_colors)
    ladder = build_ladder(sampler, ConversionOptions(**options))  # type: ignore[arg-type]
    assert sampler.measured == set(values)
    return ladder


def measured_settings_of_short_clip(
    values: Mapping[RenderSettings, tuple[float, float]], **options: object
) -> set[RenderSettings]:
    sampler = FakeSampler(values, {}, changed_share=0.2, has_all_frames=True)
    build_ladder(sampler, ConversionOptions(**options))  # type: ignore[arg-type]
    return sampler.measured


def settings_within(ladder: Ladder, budget_bytes: float) -> RenderSettings:
    return ladder.rungs[ladder.find_fitting(budget_bytes, start=0)].settings


@pytest.mark.parametrize("values", CLIPS.values(), ids=CLIPS)
@pytest.mark.parametrize("motion", Motion)
def test_expected_bytes_decrease_from_rung_to_rung(
    values: dict[RenderSettings, tuple[float, float]], motion: Motion
) -> None:
    ladder = build(values, motion=motion)
    expected = [rung.expected_bytes for rung in ladder.rungs]
    assert expected == sorted(expected, reverse=True)
    assert len({rung.settings for rung in ladder.rungs}) == len(ladder.rungs)


@pytest.mark.parametrize("values", CLIPS.values(), ids=CLIPS)
def test_every_frame_is_shown_while_64_colors_fit(values: dict[RenderSettings, tuple[float, float]]) -> None:
    ladder = build(values)
    at_full_rate = [rung for rung in ladder.rungs if rung.settings.fps == 24]
    assert list(ladder.rungs[: len(at_full_rate)]) == at_full_rate
    assert min(rung.settings.colors for rung in at_full_rate) >= 64
    assert at_full_rate[-1].expected_bytes <= min(megabytes for megabytes, _ in values.values())


def test_frames_per_second_are_given_up_before_colors() -> None:
    ladder = build(NOISY)
    assert settings_within(ladder, 36e6 / 0.97) == FEW
    rates = [rung.settings.fps for rung in ladder.rungs]
    assert rates == sorted(rates, reverse=True)
    first_with_fewer_colors = next(rung for rung in ladder.rungs if rung.settings.colors < 64)
    assert first_with_fewer_colors.settings.fps == 12


def test_smooth_motion_gives_up_colors_before_frames_per_second() -> None:
    ladder = build(NOISY, motion=Motion.SMOOTH)
    settings = settings_within(ladder, 25e6)
    assert settings.fps == 24
    assert settings.colors < 64
    assert ladder.rungs[-1].settings.fps < 24, "nothing else is left to give up"


def test_rich_color_gives_up_frames_per_second_before_colors() -> None:
    ladder = build(NOISY, motion=Motion.COLOR)
    settings = settings_within(ladder, 36e6)
    assert settings.colors >= 128
    assert settings.fps < 24
    first_with_fewer_colors = next(rung for rung in ladder.rungs if rung.settings.colors < 128)
    assert first_with_fewer_colors.settings.fps == 12


def test_ladder_without_a_rung_in_rich_colors_starts_at_its_first() -> None:
    few_are_best = {MANY: (30e6, 20.0), FEW: (9e6, 21.2), LOW: (20e6, 18.0), HIGH: (10e6, 16.0)}
    ladder = build(few_are_best)
    assert ladder.balanced_start == 0
    assert ladder.rungs[0].settings == FEW


def test_better_settings_at_the_same_size_are_used() -> None:
    assert {rung.settings.local_palettes for rung in build(NOISY).rungs[2:]} == {False}
    calm = build(CALM)
    assert calm.rungs[1].settings == LOW
    assert MANY not in [rung.settings for rung in calm.rungs], "it is larger and worse"


@pytest.mark.parametrize("values", CLIPS.values(), ids=CLIPS)
def test_only_settings_that_can_be_best_are_measured(
    values: dict[RenderSettings, tuple[float, float]],
) -> None:
    build(values)  # checks what is measured


def test_only_the_best_quality_of_a_short_clip_is_measured_if_it_fits_every_budget() -> None:
    values = {MANY: (3e6, 24.2), FEW: (2e6, 22.0), LOW: (4e6, 24.4), HIGH: (3e6, 24.0)}
    assert measured_settings_of_short_clip(values) == {LOW}
    assert measured_settings_of_short_clip(values, max_mb=3) == set(values)
    large = {settings: (3 * size, quality) for settings, (size, quality) in values.items()}
    assert measured_settings_of_short_clip(large) == set(values)


def test_best_starts_at_the_best_quality_and_is_limited_only_by_the_maximum() -> None:
    ladder = build(NOISY)
    options = ConversionOptions(quality=Quality.BEST)
    assert ladder.start_index(options) == 0
    assert ladder.rungs_by_quality()[Quality.BEST] == ladder.rungs[0]
    assert ladder.rungs[0].settings == replace(LOW, dither=True)
    assert ladder.start_index(ConversionOptions(max_mb=50)) == 0, "max_mb may be used up"
    larger = build({settings: (8 * size, quality) for settings, (size, quality) in NOISY.items()})
    best = larger.rungs_by_quality()[Quality.BEST]
    assert 500e6 < best.expected_bytes < MAX_GIF_BYTES < larger.rungs[0].expected_bytes
    assert best.settings.fps == 24


def test_calm_clips_are_not_dithered() -> None:
    assert build(PARTICLES).rungs[0].settings == LOW


def test_balanced_starts_where_more_bytes_are_hardly_seen() -> None:
    values = {MANY: (20e6, 24.2), FEW: (10e6, 24.0), LOW: (26e6, 24.4), HIGH: (25e6, 24.3)}
    ladder = build(values)
    assert ladder.rungs[ladder.balanced_start].settings.colors == RICH_COLORS, "fewer save bytes but show"
    assert ladder.start_index(ConversionOptions(quality=Quality.SMALL)) == ladder.balanced_start


def test_frames_per_second_are_given_up_before_colors_become_false() -> None:
    budget_bytes = 1.02 * NOISY[FEW][0] / TARGET_SHARE
    kept = settings_within(build(NOISY), budget_bytes)
    assert (kept.colors, kept.fps) == (64, 24)
    slower = settings_within(build(NOISY, false_colors={FEW: 2 * MAX_FALSE_COLOR}), budget_bytes)
    assert slower.colors > 64
    assert slower.fps < 24


def test_a_higher_threshold_is_never_taken_for_better() -> None:
    """The measure of a few frames is off by up to half a dB."""
    rungs = build({LOW: (11e6, 19.2), HIGH: (8e6, 20.0)}).rungs
    assert [rung.settings.threshold for rung in rungs[:5]] == [2, 3, 4, 5, 6]
    assert rungs[0].quality - rungs[4].quality == pytest.approx(MIN_LOSS)


@pytest.mark.parametrize(
    ("values", "expected_mb"),
    [(CALM, 20), (NOISY, 30), (GRADIENT, 20)],
    ids=["fits", "needs more", "loses little"],
)
def test_balanced_may_take_more_only_if_the_footage_needs_it(
    values: dict[RenderSettings, tuple[float, float]], expected_mb: float
) -> None:
    assert build(values).budget_bytes(ConversionOptions()) == expected_mb * 1e6


def test_estimates_stay_below_budgets() -> None:
    estimates = {quality: rung.expected_bytes for quality, rung in build(NOISY).rungs_by_quality().items()}
    assert estimates["best"] == pytest.approx(1.05 * 110e6)
    assert 25e6 < estimates["balanced"] <= 30e6
    assert 8e6 < estimates["small"] <= 10e6


@pytest.mark.parametrize(
    ("values", "first_change"),
    [(NOISY, {"lossy": 60}), (PARTICLES, {"threshold": 12})],
    ids=["noisy", "calm"],
)
def test_loss_that_is_not_measured_is_known(
    values: dict[RenderSettings, tuple[float, float]], first_change: dict[str, int]
) -> None:
    rungs = build(values).rungs
    losing = [rung for rung in rungs if rung.loses_more_than_measured]
    assert losing == list(rungs[-len(losing) :])
    before, first = rungs[-len(losing) - 1], losing[0]
    assert first.settings == replace(before.settings, **first_change)  # type: ignore[arg-type]


def test_sizes_between_measurements_are_interpolated() -> None:
    by_colors = {rung.settings.colors: rung.expected_bytes for rung in reversed(build(NOISY).rungs[2:])}
    assert by_colors[256] == 72e6
    assert by_colors[128] == 54e6
    undithered = [rung for rung in build(GRADIENT).rungs if not rung.settings.dither]
    thresholds = {rung.settings.threshold: rung.expected_bytes for rung in reversed(undithered)}
    assert thresholds[2] == 28e6
    assert thresholds[4] == pytest.approx(28e6 * 0.5 ** (log(2) / log(3)))


@pytest.mark.parametrize(
    ("many_encodings", "expected"),
    [({TRANSPARENT, OPAQUE}, (OPAQUE,)), ({TRANSPARENT}, UNCHANGED_PIXELS), (set(), UNCHANGED_PIXELS)],
)
def test_single_encoding_is_used_if_sufficient_in_all_measurements(
    many_encodings: set[str], expected: tuple[str, ...]
) -> None:
    ladder = build(NOISY, encodings={MANY: many_encodings, FEW: {OPAQUE}})
    assert {rung.settings.unchanged_pixels for rung in ladder.rungs[2:]} == {expected}
