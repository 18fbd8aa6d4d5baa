"""The sampled frames represent the clip."""

from chromi.encoder.render.sample_frames import MAX_RUNS, choose_sample


def measured_motion(motion: list[float]) -> list[float]:
    sample = choose_sample(motion)
    assert (len(sample.run_starts), sample.has_all) == (MAX_RUNS, False)
    return [frame.motion for frame in sample.frames if frame.is_measured]


def test_neither_cuts_nor_repeated_frames_are_measured() -> None:
    static, fast, slow = [0.0] * 48, [50.0, *[8.0] * 47], [60.0, *[2.0] * 47]
    assert set(measured_motion(static + fast + slow)) == {8.0, 2.0}


def test_runs_have_little_medium_and_much_motion() -> None:
    motion = [0.0, *[1.0 + frame for frame in range(143)]]
    low, medium, high = (sum(measured_motion(motion)[at : at + 2]) / 2 for at in (0, 2, 4))
    assert 20 < low < 40
    assert 60 < medium < 80
    assert 105 < high < 125


def test_short_clip_is_sampled_completely() -> None:
    sample = choose_sample([0.0, *[1.0] * 24])
    assert (sample.run_starts, sample.offsets, sample.has_all) == ([0], range(25), True)
